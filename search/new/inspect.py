"""Write a first sweep file for a data set: commented, with sensible ranges, ready to run."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from search.machine import Machine, this_machine
from search.new.detect import detect_source
from search.new.findings import Findings
from search.new.model_section import find_weights
from search.new.template import render_sweep
from spaces.config.trial import CsvData, Data, FolderData, TfdsData
from spaces.file.write import write_text
from spaces.problem import InputError, Problem
from trainables.data.build import SOURCES
from trainables.data.load import describe
from trainables.preflight.headers import Headers, read_headers

SMALLEST_PX, LARGEST_PX, STEP_PX = 32, 224, 32
LARGEST_ON_CPU_PX = 96
"""Training from scratch on larger images takes too long on a CPU for a first sweep."""
SMALL_SET, SMALL_SET_SIDE_PX = 2_000, 96
"""With fewer training images than this, of at least this size, a pretrained backbone is the better choice."""


def new_sweep(given: str, output: Path | None = None, *, overwrite: bool = False, skip_unreadable: bool = False) -> str:
    """Return the text of a sweep file for the data that ``given`` names, and write it to ``output`` if given.

    Every image is read once, so that unusable data is reported now. With ``skip_unreadable``, image files that
    cannot be read are left out, and the sweep file says so.

    Raises:
        InputError: there is no such data, it is unusable, or ``output`` exists.
    """
    if output is not None and output.exists() and not overwrite:
        remedy = "choose another name, or overwrite it with --force"
        raise InputError(
            [Problem(rule="the output file must not exist yet", given=str(output), remedy=remedy)], str(output)
        )
    if output is not None and not output.absolute().parent.is_dir():
        rule, remedy = "the folder of the output file must exist", "create it first"
        raise InputError([Problem(rule=rule, given=str(output.parent), remedy=remedy)], str(output))
    found = inspect_data(given, skip_unreadable=skip_unreadable)
    text = render_sweep(found, output)
    if output is not None:
        write_text(output, text)
    return text


def inspect_data(given: str, *, skip_unreadable: bool = False) -> Findings:
    """Inspect the image headers to choose a size, then all images at that size.

    Raises:
        InputError: as for `new_sweep`.
    """
    detected, machine, weights = detect_source(given), this_machine(), None
    data = detected.data
    if skip_unreadable and isinstance(data, (FolderData, CsvData)):
        data = data.model_copy(update={"unreadable": "skip"})
    headers = read_headers(resized(data, STEP_PX))
    if headers is not None:
        if headers.training < SMALL_SET and headers.short_side_px >= SMALL_SET_SIDE_PX:
            weights = find_weights()
        data = sized(data, headers, machine, scratch=weights is None)
    info, parts = describe(data), SOURCES[data.source](data)
    provided = frozenset(name for name in ("validation", "test") if getattr(parts, name) is not None)
    return Findings(
        given=given,
        data=data,
        info=info,
        headers=headers,
        provided=provided,
        machine=machine,
        remarks=(*detected.remarks, *(f"{note[0].upper()}{note[1:]}." for note in parts.notes)),
        weights=weights,
    )


def resized(data: Data, size_px: int) -> Data:
    """Return the same data with resized images, if the source can resize."""
    return data.model_copy(update={"image_size": size_px}) if "image_size" in type(data).model_fields else data


def sized(data: Data, headers: Headers, machine: Machine, *, scratch: bool) -> Data:
    """Return the data with the image size to train on: the median shorter side, rounded, within the machine's limits.

    A TensorFlow dataset whose images all have the same moderate size keeps it.
    """
    largest = LARGEST_ON_CPU_PX if scratch and not machine.gpus else LARGEST_PX
    if isinstance(data, TfdsData) and len(np.unique(headers.sides)) == 1 and headers.short_side_px <= largest:
        with contextlib.suppress(InputError):
            read_headers(data)
            return data
    side = max(SMALLEST_PX, min(largest, headers.short_side_px // STEP_PX * STEP_PX))
    # Trials share the decoded images, which should fit into half of the memory to be read fast.
    while side > SMALLEST_PX and headers.training * side * side * 3 > machine.memory_bytes / 2:
        side -= STEP_PX
    return resized(data, side)
