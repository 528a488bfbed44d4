"""The text of a first sweep: the findings as comments, then the sections with their ranges."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from search.new.findings import Findings
from search.new.model_section import cnn_lines, pretrained_lines, with_comment
from spaces.config.trial import CsvData, Training
from spaces.printable import printable
from spaces.shell import PROGRAM, command_line

IMBALANCE = 1.5
"""Classes are weighted if their sizes differ by more than this factor."""
WORDS = ("true", "false", "null", "yes", "no", "on", "off")
"""Words that YAML, or people, would not read as text."""
UNWRITTEN = {"copies", "near_copies", "distinct_names"}
"""Settings of the data whose defaults need no word in a first sweep."""
LONG, SHORT = 27, 9
"""Epochs: powers of the reduction factor, 3, so that rungs fall on epochs 3 and 9."""
MANY_IMAGES, MANY_MEGAPIXELS = 50_000, 100
"""With more training images than this, or more pixels per epoch on a CPU, train for the shorter time."""


def render_sweep(found: Findings, output: Path | None) -> str:
    """Return the sweep file to write to ``output``; None stands for stdout."""
    name = output.stem if output is not None else Path(found.given).stem
    lines = [*header(found, output, name), *trial_lines(found, output), *search_lines(found, name)]
    return "\n".join(map(printable, lines)) + "\n"


def header(found: Findings, output: Path | None, name: str) -> Iterator[str]:
    """Yield the findings, how to run the sweep and what to change first."""
    file = Path(output.name if output is not None else f"{name}.yaml")
    yield f"# {name}: a first sweep for {found.given}, written by `tunehound new`."
    yield "#"
    yield f"#   {command_line('plan', file, '--check', program=PROGRAM)}"
    yield f"#   {command_line('run', file, program=PROGRAM)}"
    yield "#"
    for title, lines in {
        "Data": list(data_lines(found)),
        "Hardware": [f"{found.machine}, where this was written."],
        "Time": ["not measured; the sweep stops cleanly after budget.hours and can be resumed."],
        "Change": list(advice(found)),
    }.items():
        for number, line in enumerate(lines):
            yield f"# {title + ':' if number == 0 else '':10}{line}"


def data_lines(found: Findings) -> Iterator[str]:
    """Yield classes, counts, imbalance, sizes, channels and leaks, as measured."""
    info, counts = found.info, found.counts
    yield f"{len(info.class_names)} classes: {shortened(info.class_names)}."
    yield ", ".join(f"{sum(classes):,} {part}" for part, classes in info.counts.items()) + " images."
    largest, smallest = (info.class_names[counts.index(pick(counts))] for pick in (max, min))
    span = f"{min(counts)} ({smallest}) to {max(counts)} ({largest})" if found.imbalance > 1 else f"{min(counts)}"
    yield f"{span} training images per class, a ratio of {found.imbalance:.2f}."
    if found.headers is None:
        height, width, channels = info.image_shape
        yield f"{height} × {width} pixels, {channels} channel{'' if channels == 1 else 's'}."
    else:
        widths, heights = found.headers.sides.T
        sides = f"width {median_and_range(widths)}, height {median_and_range(heights)} pixels"
        yield f"{sides}, in {len(widths):,} images inspected;"
        modes = ", ".join(f"{count:,} {mode}" for mode, count in found.headers.modes.items())
        yield f"{modes if len(found.headers.modes) > 1 else 'all ' + next(iter(found.headers.modes))}."
    yield from found.remarks
    if info.skipped:
        yield f"{len(info.skipped)} images cannot be read and are left out, such as {info.skipped[0]}."
    if info.leaks:
        yield f"{len(info.leaks)} images occur in two splits, such as {info.leaks[0]}."
    if info.near_copies:
        yield f"{len(info.near_copies)} images look almost like one in another split, such as {info.near_copies[0]}."
    if info.two_labels:
        yield f"{len(info.two_labels)} images stand under two labels, such as {info.two_labels[0]}."


def advice(found: Findings) -> Iterator[str]:
    """Yield what someone who knows the data may want to change first."""
    if found.weights is None:
        yield "model, for photographs: with a backbone's weights in ~/.keras/models, `tunehound new` starts small"
        yield "data sets from them;"
    if not found.is_grey:
        yield "policy: remove flip if left and right matter, as in writing;"
    yield "ranges whose best trials lie at one end; search.trials and budget.hours, to the time you have."


def trial_lines(found: Findings, output: Path | None) -> Iterator[str]:
    """Yield the `trial` section."""
    yield "trial:"
    yield "  data:"
    for name, value in data_settings(found, output).items():
        line, comment = f"    {name}: {scalar(value)}", note(found, name)
        yield with_comment(line, comment) if comment else line
    yield "  model:"
    yield from pretrained_lines(found.weights, found.side_px) if found.weights else cnn_lines(found.side_px)
    policy = "rotation, shift, zoom" if found.is_grey else "flip, rotation, zoom, brightness"
    yield "  augmentation:"
    yield f"    policy: [{policy}]"
    yield "    strength: {uniform: [0.0, 1.0], baseline: 0.2}"
    yield "  optimizer:"
    yield "    name: adam"
    yield "    learning_rate: {log: [1.0e-4, 1.0e-2], baseline: 1.0e-3}"
    yield "  training:"
    yield with_comment(f"    epochs: {epochs(found)}", "the maximum; weak trials are stopped much earlier")
    yield "    patience: 6"
    yield f"    batch_size: {batch_size(found)}"
    if "class_weight" in Training.model_fields and found.imbalance > IMBALANCE:
        why = f"the largest class is {found.imbalance:.2f} times the smallest"
        yield with_comment("    class_weight: balanced", why)
    yield "    seed: 0"


def search_lines(found: Findings, name: str) -> Iterator[str]:
    """Yield the sections other than `trial`."""
    trials = 48 if found.machine.gpus or found.machine.cpus > 8 else 24
    yield "search:"
    yield "  metric: val_accuracy"
    yield with_comment(f"  trials: {trials}", "the first one is the baseline: all `baseline` values above")
    yield "  seed: 0"
    yield "  grace_epochs: 3"
    yield "  reduction_factor: 3"
    yield with_comment(f"budget: {{hours: {8 if found.machine.gpus else 2}}}", "without this line, all trials run")
    yield with_comment("confirm: {top: 3, seeds: 5}", "retrain the best and the baseline on new seeds; or off")
    yield "resources: auto"
    yield f"tracking: {{wandb: {{project: {scalar('tunehound-' + project_name(name))}}}}}"


def data_settings(found: Findings, output: Path | None) -> dict[str, Any]:
    """Return the `data` section; paths inside the folder of the sweep are relative to it, others absolute.

    Split settings without effect, because the data set comes with its splits, are left out.
    """
    settings = found.data.model_dump(exclude=UNWRITTEN)
    home = output.absolute().parent if output is not None else None
    for name in ("labels", "path"):
        if home is not None and Path(settings.get(name, "")).is_relative_to(home):
            settings[name] = Path(settings[name]).relative_to(home).as_posix()
    split = {name: settings.pop(name) for name in ("validation", "test", "split_seed")}
    split = {name: value for name, value in split.items() if name not in found.provided and len(found.provided) < 2}
    usual = (None, "refuse")  # what needs no line
    if settings.get("header"):
        del settings["header"]  # the default
    return {name: value for name, value in (settings | split).items() if value not in usual}


def note(found: Findings, name: str) -> str:
    """Return the comment for a data setting."""
    if name == "image_size" and found.headers is not None:
        return f"the median shorter side is {found.headers.short_side_px} pixels"
    unnamed = isinstance(found.data, CsvData) and found.data.label_column is not None
    return "the classes; change it if another column is meant" if name == "label_column" and unnamed else ""


def epochs(found: Findings) -> int:
    """Return the number of epochs for the amount of data and the hardware."""
    images, (height, width, _) = sum(found.counts), found.info.image_shape
    heavy = not found.machine.gpus and images * height * width / 1e6 > MANY_MEGAPIXELS
    return SHORT if images > MANY_IMAGES or heavy else LONG


def batch_size(found: Findings) -> int:
    """Return a batch size that avoids epochs with only a few steps or with thousands."""
    images = sum(found.counts)
    return 64 if images >= 5_000 else 32 if images >= 500 else 16


def median_and_range(values: np.ndarray[Any, Any]) -> str:
    """Format the median and the extremes."""
    low, middle, high = int(values.min()), int(np.median(values)), int(values.max())
    return f"{middle}" if low == high else f"{middle} (median; {low} to {high})"


def shortened(names: tuple[str, ...]) -> str:
    """Join all names if they are few, else the first ones and the last."""
    return ", ".join(names) if len(names) <= 6 else f"{names[0]}, {names[1]}, … {names[-1]}"


def scalar(value: Any) -> str:
    """Format a value as YAML, quoting text that might be read as something else."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(scalar, value))}]"
    if isinstance(value, str) and (value.lower() in WORDS or not re.fullmatch(r"[A-Za-z_/][A-Za-z0-9_./-]*", value)):
        return printable(json.dumps(value, ensure_ascii=False))
    return str(value)


def project_name(name: str) -> str:
    """Turn a name into one that W&B accepts for a project."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:100]
