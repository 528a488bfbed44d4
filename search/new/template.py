"""The text of a first sweep: what was seen, as comments, and the sections with their ranges."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from search.new.findings import Seen
from search.new.model_section import cnn_lines, commented, pretrained_lines
from spaces.config.trial import CsvData, Training
from spaces.printable import printable

IMBALANCE = 1.5
"""Classes whose sizes differ by more than this factor are weighted."""
WORDS = ("true", "false", "null", "yes", "no", "on", "off")
"""What YAML, or people, take for something else than text."""
LONG, SHORT = 27, 9
"""Epochs: a power of the reduction factor, 3, so that rungs fall on epochs 3 and 9."""
MANY_IMAGES, MANY_MEGAPIXELS = 50_000, 100
"""More training images, or on CPUs more pixels an epoch, than this are trained for the shorter time."""


def draft(seen: Seen, output: Path | None) -> str:
    """The file that `output` gets; None stands for stdout."""
    name = output.stem if output is not None else Path(seen.given).stem
    lines = [*header(seen, output, name), *trial_lines(seen, output), *search_lines(seen, name)]
    return "\n".join(map(printable, lines)) + "\n"


def header(seen: Seen, output: Path | None, name: str) -> Iterator[str]:
    """What was seen, how to run it, what to change first."""
    file = output.name if output is not None else f"{name}.yaml"
    yield f"# {name}: a first sweep for {seen.given}, written by `tunehound new`."
    yield "#"
    yield f"#   tunehound plan {file} --check"
    yield f"#   tunehound run {file}"
    yield "#"
    for title, lines in {
        "Seen": list(seen_lines(seen)),
        "Hardware": [f"{seen.machine}, where this was written."],
        "Time": ["not measured; the sweep ends in order when budget.hours are spent, and can be resumed."],
        "Change": list(advice(seen)),
    }.items():
        for number, line in enumerate(lines):
            yield f"# {title + ':' if number == 0 else '':10}{line}"


def seen_lines(seen: Seen) -> Iterator[str]:
    """Classes, counts, imbalance, sizes, channels, leaks: as measured."""
    info, counts = seen.info, seen.counts
    yield f"{len(info.class_names)} classes: {shortened(info.class_names)}."
    yield ", ".join(f"{sum(classes):,} {part}" for part, classes in info.counts.items()) + " images."
    largest, smallest = (info.class_names[counts.index(pick(counts))] for pick in (max, min))
    span = f"{min(counts)} ({smallest}) to {max(counts)} ({largest})" if seen.imbalance > 1 else f"{min(counts)}"
    yield f"{span} training images a class: a ratio of {seen.imbalance:.2f}."
    if seen.look is None:
        height, width, channels = info.image_shape
        yield f"{height} × {width} pixels, {channels} channel{'' if channels == 1 else 's'}."
    else:
        widths, heights = seen.look.sides.T
        yield f"width {spread(widths)}, height {spread(heights)} pixels, in {len(widths):,} training images looked at;"
        modes = ", ".join(f"{count:,} {mode}" for mode, count in seen.look.modes.items())
        yield f"{modes if len(seen.look.modes) > 1 else 'all ' + next(iter(seen.look.modes))}."
    if info.leaks:
        yield f"{len(info.leaks)} images stand in two parts, such as {info.leaks[0]}."


def advice(seen: Seen) -> Iterator[str]:
    """What a person who knows the data may want to change first."""
    if seen.weights is None:
        yield "model, where the images are photographs: with weights of a backbone in ~/.keras/models, `tunehound new`"
        yield "starts small sets from them;"
    if not seen.is_grey:
        yield "policy, without flip, where left and right matter, as in writing;"
    yield "a range, where its best trials lie at an end; search.trials and budget.hours, by your patience."


def trial_lines(seen: Seen, output: Path | None) -> Iterator[str]:
    """The `trial` section."""
    yield "trial:"
    yield "  data:"
    for name, value in data_settings(seen, output).items():
        line, comment = f"    {name}: {scalar(value)}", note(seen, name)
        yield commented(line, comment) if comment else line
    yield "  model:"
    yield from pretrained_lines(seen.weights, seen.side_px) if seen.weights else cnn_lines(seen.side_px)
    policy = "rotation, shift, zoom" if seen.is_grey else "flip, rotation, zoom, brightness"
    yield "  augmentation:"
    yield f"    policy: [{policy}]"
    yield "    strength: {uniform: [0.0, 1.0], baseline: 0.2}"
    yield "  optimizer:"
    yield "    name: adam"
    yield "    learning_rate: {log: [1.0e-4, 1.0e-2], baseline: 1.0e-3}"
    yield "  training:"
    yield commented(f"    epochs: {epochs(seen)}", "the horizon; weak trials are stopped long before")
    yield "    patience: 6"
    yield f"    batch_size: {batch_size(seen)}"
    if "class_weight" in Training.model_fields and seen.imbalance > IMBALANCE:
        why = f"the largest class is {seen.imbalance:.2f} times the smallest"
        yield commented("    class_weight: balanced", why)
    yield "    seed: 0"


def search_lines(seen: Seen, name: str) -> Iterator[str]:
    """The sections beside `trial`."""
    trials = 48 if seen.machine.gpus or seen.machine.cpus > 8 else 24
    yield "search:"
    yield "  metric: val_accuracy"
    yield commented(f"  trials: {trials}", "the first is the baseline: the values above that are called so")
    yield "  seed: 0"
    yield "  grace_epochs: 3"
    yield "  reduction_factor: 3"
    yield commented(f"budget: {{hours: {8 if seen.machine.gpus else 2}}}", "without this line all trials are run")
    yield commented("confirm: {top: 3, seeds: 5}", "the best and the baseline, trained again on new seeds; or off")
    yield "resources: auto"
    yield f"tracking: {{wandb: {{project: {scalar('tunehound-' + plain(name))}}}}}"


def data_settings(seen: Seen, output: Path | None) -> dict[str, Any]:
    """The `data` section; files below the folder of the sweep are named from there, others from the root.

    Shares of parts that the data set brings would say nothing, so they are left out.
    """
    settings = seen.data.model_dump()
    home = output.absolute().parent if output is not None else None
    for name in ("labels", "path"):
        if home is not None and Path(settings.get(name, "")).is_relative_to(home):
            settings[name] = Path(settings[name]).relative_to(home).as_posix()
    split = {name: settings.pop(name) for name in ("validation", "test", "split_seed")}
    split = {name: value for name, value in split.items() if name not in seen.brought and len(seen.brought) < 2}
    return {name: value for name, value in (settings | split).items() if value is not None}


def note(seen: Seen, name: str) -> str:
    """The comment beside a setting of the data."""
    if name == "image_size" and seen.look is not None:
        return f"the median of the shorter sides is {seen.look.short_side_px} pixels"
    unnamed = isinstance(seen.data, CsvData) and seen.data.label_column is not None
    return "the classes; mend it where another column is meant" if name == "label_column" and unnamed else ""


def epochs(seen: Seen) -> int:
    """By the amount of data and by the hardware."""
    images, (height, width, _) = sum(seen.counts), seen.info.image_shape
    heavy = not seen.machine.gpus and images * height * width / 1e6 > MANY_MEGAPIXELS
    return SHORT if images > MANY_IMAGES or heavy else LONG


def batch_size(seen: Seen) -> int:
    """Larger for more images, so that an epoch has neither a handful of steps nor thousands."""
    images = sum(seen.counts)
    return 64 if images >= 5_000 else 32 if images >= 500 else 16


def spread(values: np.ndarray[Any, Any]) -> str:
    """Median and extremes."""
    low, middle, high = int(values.min()), int(np.median(values)), int(values.max())
    return f"{middle}" if low == high else f"{middle} (median; {low} to {high})"


def shortened(names: tuple[str, ...]) -> str:
    """All of a few names, the first and the last of many."""
    return ", ".join(names) if len(names) <= 6 else f"{names[0]}, {names[1]}, … {names[-1]}"


def scalar(value: Any) -> str:
    """As YAML writes it; text in quotes where it might be read as something else."""
    if isinstance(value, str) and (value.lower() in WORDS or not re.fullmatch(r"[A-Za-z_/][A-Za-z0-9_./-]*", value)):
        return printable(json.dumps(value, ensure_ascii=False))
    return str(value)


def plain(name: str) -> str:
    """A name that W&B takes for a project."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:100]
