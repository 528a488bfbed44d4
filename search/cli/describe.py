"""What `tunehound describe` shows: a configuration's model, or a backbone's blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.plan.check import closed_corners
from spaces.config.trial import TrialConfig
from spaces.file.load import load_config, load_sweep, read_yaml, ready_sweeps
from spaces.problem import InputError, Problem, did_you_mean
from trainables.data.load import describe as describe_data
from trainables.models.backbones import BACKBONES

if TYPE_CHECKING:
    from trainables.preflight.describe import Description


def described(
    source: str, *, overrides: Sequence[str] = (), image_size: int | None = None, classes: int | None = None
) -> Description:
    """What a closed configuration, a sweep's baseline or a backbone builds.

    ``image_size`` (pixels a side, of three channels) and ``classes`` stand for data that cannot be read.

    Raises:
        InputError: there is no such thing, or it is wrong.
    """
    if source in BACKBONES and not Path(source).exists():
        from trainables.preflight.describe import describe_backbone  # wakes TensorFlow

        return describe_backbone(source)
    config = _config(source, overrides)
    shape, count = _data(config, image_size, classes)
    from trainables.preflight.describe import describe

    return describe(config, image_shape=shape, classes=count)


def as_mapping(description: Description) -> dict[str, Any]:
    """The description as plain data, for JSON."""
    return {key: value for key, value in asdict(description).items() if value is not None}


def table_lines(description: Description) -> list[str]:
    """The parts, a line each, under a heading; never cut, however narrow the terminal."""
    rows = [("layer", "kind", "output", "parameters", "trainable")]
    for part in description.parts:
        output = " × ".join("any" if side is None else str(side) for side in part.output)
        rows.append((part.name, part.kind, output, f"{part.parameters:,}", f"{part.trainable_parameters:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_aligned(row, widths)).rstrip() for row in rows]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    return [
        cell.ljust(width) if i < 2 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def summary(description: Description) -> list[str]:
    """Totals, input, what is unfrozen and the cut, a line each."""
    height, width, channels = description.image_shape
    resized = description.input_size and (height, width) != (description.input_size,) * 2
    lines = [
        f"parameters  {description.parameters:,}, of them {description.trainable_parameters:,} trainable",
        f"input       {height} × {width} × {channels}"
        + (f", resized to {description.input_size} × {description.input_size}" if resized else "")
        + (f"; {description.classes} classes" if description.classes else ""),
    ]
    if description.unfrozen is not None:
        lines.append(f"unfrozen    {description.unfrozen}")
        lines.append(f"cut         {description.cut or 'none: everything trains'}")
    return lines


def _config(source: str, overrides: Sequence[str]) -> TrialConfig:
    file = Path(source)
    if not file.exists() and source not in ready_sweeps():
        rule = "there is no file, no ready sweep and no backbone of this name"
        remedy = did_you_mean(source, [*BACKBONES, *ready_sweeps()])
        raise InputError([Problem(rule=rule, remedy=remedy)], source)
    if not file.exists() or "trial" in read_yaml(file):
        return next(closed_corners(load_sweep(source, overrides, check_files=False)))
    return load_config(source, overrides, check_files=False)[0]


def _data(config: TrialConfig, image_size: int | None, classes: int | None) -> tuple[tuple[int, int, int], int]:
    """Shape of the images and number of classes: as given, else as the data have them."""
    if image_size is not None and classes is not None:
        return (image_size, image_size, 3), classes
    try:
        info = describe_data(config.data)
    except InputError as error:
        rule = "the shape of the images and the number of classes must be known"
        hint = Problem(rule=rule, remedy="mend the data, or give both --image-size PIXELS and --classes N")
        raise InputError([*error.problems, hint], error.source) from error
    height, width, channels = info.image_shape
    shape = (height, width, channels) if image_size is None else (image_size, image_size, 3)
    return shape, classes or len(info.class_names)
