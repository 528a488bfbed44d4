"""A first sweep file for a data set: commented, with sensible ranges, and it runs as it is."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from search.machine import Machine, this_machine
from search.new.detect import recognised
from search.new.findings import Seen
from search.new.model_section import find_weights
from search.new.template import draft
from spaces.config.trial import Data, TfdsData
from spaces.file.write import write_text
from spaces.problem import InputError, Problem
from trainables.data.headers import Look, look
from trainables.data.load import SOURCES, describe

SMALLEST_PX, LARGEST_PX, STEP_PX = 32, 224, 32
LARGEST_ON_CPU_PX = 96
"""A network from scratch on larger images takes a CPU too long for a first sweep."""
SMALL_SET, SMALL_SET_SIDE_PX = 2_000, 96
"""Fewer training images than this, of at least this side, are better served by a backbone trained elsewhere."""


def new_sweep(given: str, output: Path | None = None, *, overwrite: bool = False) -> str:
    """The text of a sweep file for the data that ``given`` names; with ``output`` it is written there.

    Every image of train and validation is read once, so what cannot be trained on is told now.

    Raises:
        InputError: there is no such data, it cannot be used, or ``output`` exists.
    """
    if output is not None and output.exists() and not overwrite:
        cure = "choose another name, or write over it with --force"
        raise InputError(
            [Problem(rule="-o names a file that does not exist yet", given=str(output), remedy=cure)], str(output)
        )
    if output is not None and not output.absolute().parent.is_dir():
        cure = "make it first"
        raise InputError([Problem(rule="the folder of -o exists", given=str(output.parent), remedy=cure)], str(output))
    seen = see(given)
    text = draft(seen, output)
    if output is not None:
        write_text(output, text)
    return text


def see(given: str) -> Seen:
    """Looks at headers first, to choose a size, then at all images in that size.

    Raises:
        InputError: as for `new_sweep`.
    """
    data, machine, weights = recognised(given), this_machine(), None
    headers = look(resized(data, STEP_PX))
    if headers is not None:
        if headers.training < SMALL_SET and headers.short_side_px >= SMALL_SET_SIDE_PX:
            weights = find_weights()
        data = sized(data, headers, machine, scratch=weights is None)
    info, parts = describe(data), SOURCES[data.source](data)
    brought = frozenset(name for name in ("validation", "test") if getattr(parts, name) is not None)
    return Seen(given=given, data=data, info=info, look=headers, brought=brought, machine=machine, weights=weights)


def resized(data: Data, size_px: int) -> Data:
    """The same data, its images resized, where the source resizes."""
    return data.model_copy(update={"image_size": size_px}) if "image_size" in type(data).model_fields else data


def sized(data: Data, headers: Look, machine: Machine, *, scratch: bool) -> Data:
    """The data with the image size to train on: the median of the shorter sides in steps, as far as the machine allows.

    A set of TensorFlow Datasets whose images are all of one moderate size keeps it.
    """
    largest = LARGEST_ON_CPU_PX if scratch and not machine.gpus else LARGEST_PX
    if isinstance(data, TfdsData) and len(np.unique(headers.sides)) == 1 and headers.short_side_px <= largest:
        with contextlib.suppress(InputError):
            look(data)
            return data
    side = max(SMALLEST_PX, min(largest, headers.short_side_px // STEP_PX * STEP_PX))
    # Trials share the decoded images, which are read fast as long as they stay in memory: half of it is for them.
    while side > SMALLEST_PX and headers.training * side * side * 3 > machine.memory_bytes / 2:
        side -= STEP_PX
    return resized(data, side)
