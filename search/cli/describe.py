"""`tunehound describe`: the model of a configuration, or the blocks of a backbone."""

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


def describe_source(
    source: str, *, overrides: Sequence[str] = (), image_size: int | None = None, classes: int | None = None
) -> Description:
    """Describe the model of a configuration or of a sweep's baseline, or a backbone.

    ``image_size`` (side in pixels, with three channels) and ``classes`` stand in for data that cannot be read.

    Raises:
        InputError: there is no such file, sweep or backbone, or the file is invalid.
    """
    if source in BACKBONES and not Path(source).exists():
        from trainables.preflight.describe import describe_backbone  # imports TensorFlow

        return describe_backbone(source)
    config = _config(source, overrides)
    shape, count = _data(config, image_size, classes)
    from trainables.preflight.describe import describe

    return describe(config, image_shape=shape, classes=count)


def description_as_mapping(description: Description) -> dict[str, Any]:
    """Return the description as plain data, for JSON."""
    return {key: value for key, value in asdict(description).items() if value is not None}


def table_lines(description: Description) -> list[str]:
    """Return the layers, one per line, below a heading; never truncated, however narrow the terminal."""
    rows = [("layer", "kind", "output", "parameters", "trainable")]
    for part in description.parts:
        output = " × ".join("any" if side is None else str(side) for side in part.output)
        rows.append((part.name, part.kind, output, f"{part.parameters:,}", f"{part.trainable_parameters:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(_aligned(row, widths)).rstrip() for row in rows]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Align words to the left and numbers to the right."""
    return [
        cell.ljust(width) if i < 2 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def summary(description: Description) -> list[str]:
    """Return the totals, the input, the unfrozen part and the cut, one per line."""
    height, width, channels = description.image_shape
    resized = description.input_size and (height, width) != (description.input_size,) * 2
    lines = [
        f"parameters  {description.parameters:,}, {description.trainable_parameters:,} of them trainable",
        f"input       {height} × {width} × {channels}"
        + (f", resized to {description.input_size} × {description.input_size}" if resized else "")
        + (f"; {description.classes} classes" if description.classes else ""),
    ]
    if description.unfrozen is not None:
        lines.append(f"unfrozen    {description.unfrozen}")
        lines.append(f"cut         {description.cut or 'none: all layers train'}")
    return lines


def _config(source: str, overrides: Sequence[str]) -> TrialConfig:
    file = Path(source)
    if not file.exists() and source not in ready_sweeps():
        rule = "no file, ready-made sweep or backbone has this name"
        remedy = did_you_mean(source, [*BACKBONES, *ready_sweeps()])
        raise InputError([Problem(rule=rule, remedy=remedy)], source)
    if not file.exists() or "trial" in read_yaml(file):
        return next(closed_corners(load_sweep(source, overrides, check_files=False)))
    return load_config(source, overrides, check_files=False)[0]


def _data(config: TrialConfig, image_size: int | None, classes: int | None) -> tuple[tuple[int, int, int], int]:
    """Return the image shape and the number of classes, as given or else from the data."""
    if image_size is not None and classes is not None:
        return (image_size, image_size, 3), classes
    try:
        info = describe_data(config.data)
    except InputError as error:
        rule = "the shape of the images and the number of classes must be known"
        hint = Problem(rule=rule, remedy="fix the data, or give both --image-size PIXELS and --classes N")
        raise InputError([*error.problems, hint], error.source) from error
    height, width, channels = info.image_shape
    shape = (height, width, channels) if image_size is None else (image_size, image_size, 3)
    return shape, classes or len(info.class_names)
