"""Do data and model fit together? Found out by arithmetic, before anything starts and without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from spaces.config.fields import file_ref
from spaces.config.trial import CnnModel, CustomModel, PretrainedModel, TrialConfig
from spaces.problem import InputError, Problem
from trainables.data.load import describe
from trainables.dataset import DataInfo
from trainables.models.backbones import BACKBONES, Backbone, misfit
from trainables.trust import distrust

MODEL = ("trial", "model")
FILE_STARTS = (b"\x89HDF\r\n\x1a\n", b"PK\x03\x04")
"""The first bytes of HDF5 and of Keras' own archives: all that Keras reads weights from."""


def misfits(config: TrialConfig, data: DataInfo, *, metric: str = "val_accuracy") -> Iterator[Problem]:
    """What keeps this configuration from training on this data."""
    watched = {("search", "metric"): metric, ("trial", "training", "monitor"): config.training.monitor}
    for path, named in watched.items():
        if len(data.class_names) <= 5 and "val_top5_accuracy" in (named if isinstance(named, tuple) else (named,)):
            rule = "top-5 accuracy is reported only where there are more than five classes"
            given = f"val_top5_accuracy with {len(data.class_names)} classes"
            yield Problem(path=path, rule=rule, given=given, remedy="choose val_accuracy")
    if isinstance(config.model, CnnModel):
        yield from _vanishing(config.model, data)
        return
    found = distrust(config.model) if isinstance(config.model, CustomModel) else misfit(config.model)
    if found is not None:
        yield replace(found, path=("trial", *found.path))
    if isinstance(config.model, PretrainedModel) and config.model.backbone in BACKBONES:
        yield from _too_small(config.model, BACKBONES[config.model.backbone])
        yield from _unreadable(config.model)


def doubts(config: TrialConfig) -> Iterator[str]:
    """What trains, but probably not as it was meant: a sentence each."""
    model = config.model
    if not isinstance(model, PretrainedModel) or model.backbone not in BACKBONES or model.input_size is None:
        return
    size_px = BACKBONES[model.backbone].size_px
    if 2 * model.input_size < size_px:
        yield (
            f"model.input_size {model.input_size} is less than half of the {size_px} pixels that {model.backbone} was "
            "trained on: its features say little at that size. A hand-tuned study fed a ResNet50, frozen, 32 × 32 "
            "pixels and reached an accuracy of 0.25 where a small network of its own reached 0.82."
        )


def refuse_misfits(config: TrialConfig, *, source: str) -> None:
    """Holds a closed configuration against its data.

    Raises:
        InputError: they do not fit together; or as for `trainables.data.load.load`.
    """
    found = [replace(problem, path=problem.path[1:]) for problem in misfits(config, describe(config.data))]
    if found:
        raise InputError(found, source)


def _vanishing(model: CnnModel, data: DataInfo) -> Iterator[Problem]:
    height, width, _ = data.image_shape
    side = min(height, width)
    for block, pools in enumerate(model.pools, start=1):
        border = sum(size - 1 for size in model.kernel_sizes) if model.padding == "valid" else 0
        left = (side - border) // model.pool_size if pools else side - border
        if left < 1:
            yield Problem(
                path=(*MODEL, "blocks"),
                rule=f"each block must leave something of the images, which are {height} × {width} pixels",
                given=f"{model.blocks} blocks; of {side} pixels a side, block {block} leaves none",
                remedy="use fewer blocks, a smaller pool_size or padding: same, or let fewer blocks pool",
            )
            return
        side = left


def _too_small(model: PretrainedModel, backbone: Backbone) -> Iterator[Problem]:
    if model.input_size is not None and model.input_size < backbone.min_size_px:
        yield Problem(
            path=(*MODEL, "input_size"),
            rule=f"{model.backbone} needs images of at least {backbone.min_size_px} pixels a side",
            given=str(model.input_size),
            remedy=f"give {backbone.min_size_px} or more; it was trained on {backbone.size_px}",
        )


def weights_file(model: PretrainedModel) -> Path | None:
    """The file that the weights come from; None where a word says it all, such as imagenet."""
    mark = file_ref(PretrainedModel.model_fields["weights"])
    return None if mark is not None and model.weights in mark.words else Path(model.weights)


def _unreadable(model: PretrainedModel) -> Iterator[Problem]:
    """A weights file that is none; whether it is the backbone's shows when it is read (`dry_build`)."""
    file = weights_file(model)
    if file is None:
        return
    path, remedy = (*MODEL, "weights"), "name the backbone's weights file without its top, or `none`"
    if not file.is_file():
        yield Problem(path=path, rule="the weights must be a file", given=model.weights, remedy=remedy)
        return
    with file.open("rb") as opened:
        start = opened.read(8)
    if not start.startswith(FILE_STARTS):
        rule = "the weights must be an HDF5 file, as Keras writes it"
        yield Problem(path=path, rule=rule, given=f"{model.weights}, which is something else", remedy=remedy)
