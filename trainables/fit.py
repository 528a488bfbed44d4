"""Do data and model fit together? Found out by arithmetic, before anything starts and without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from spaces.config import CnnModel, PretrainedModel, TrialConfig
from spaces.fields import file_ref
from spaces.problem import InputError, Problem, did_you_mean
from trainables.data.dataset import DataInfo
from trainables.data.load import describe
from trainables.models.backbones import BACKBONES, Backbone

MODEL = ("trial", "model")
FILE_STARTS = (b"\x89HDF\r\n\x1a\n", b"PK\x03\x04")
"""The first bytes of HDF5 and of Keras' own archives: all that Keras reads weights from."""


def misfits(config: TrialConfig, data: DataInfo, *, metric: str = "val_accuracy") -> Iterator[Problem]:
    """What keeps this configuration from training on this data."""
    if metric == "val_top5_accuracy" and len(data.class_names) <= 5:
        yield Problem(
            path=("search", "metric"),
            rule="top-5 accuracy is reported only where there are more than five classes",
            given=f"{metric} with {len(data.class_names)} classes",
            remedy="choose val_accuracy",
        )
    if isinstance(config.model, CnnModel):
        yield from _vanishing(config.model, data)
    elif config.model.backbone not in BACKBONES:
        rule, remedy = "there is no such backbone", did_you_mean(config.model.backbone, BACKBONES)
        yield Problem(path=(*MODEL, "backbone"), rule=rule, given=config.model.backbone, remedy=remedy)
    else:
        yield from _unfit(config.model, BACKBONES[config.model.backbone])
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
    side = min(data.image_shape[:2])
    for _ in range(model.blocks):
        side //= model.pool_size
    if side == 0:
        height, width, _ = data.image_shape
        yield Problem(
            path=(*MODEL, "blocks"),
            rule=f"pooling must leave something of the images, which are {height} × {width} pixels",
            given=f"{model.blocks} blocks that each divide the side by {model.pool_size}",
            remedy="use fewer blocks, or a smaller pool_size",
        )


def _unfit(model: PretrainedModel, backbone: Backbone) -> Iterator[Problem]:
    if model.input_size is not None and model.input_size < backbone.min_size_px:
        yield Problem(
            path=(*MODEL, "input_size"),
            rule=f"{model.backbone} needs images of at least {backbone.min_size_px} pixels a side",
            given=str(model.input_size),
            remedy=f"give {backbone.min_size_px} or more; it was trained on {backbone.size_px}",
        )
    blocks = len(backbone.block_ends)
    if model.unfrozen_blocks > blocks:
        rule = f"{model.backbone} has {blocks} blocks, and no more can be unfrozen"
        remedy = f"give {blocks} to train all of it"
        yield Problem(path=(*MODEL, "unfrozen_blocks"), rule=rule, given=str(model.unfrozen_blocks), remedy=remedy)


def _unreadable(model: PretrainedModel) -> Iterator[Problem]:
    """A weights file that is none; whether it is the backbone's shows only when the model is built."""
    mark = file_ref(PretrainedModel.model_fields["weights"])
    if mark is not None and model.weights in mark.words:
        return
    path, remedy = (*MODEL, "weights"), "name the backbone's weights file without its top, or `none`"
    file = Path(model.weights)
    if not file.is_file():
        yield Problem(path=path, rule="the weights must be a file", given=model.weights, remedy=remedy)
        return
    with file.open("rb") as opened:
        start = opened.read(8)
    if not start.startswith(FILE_STARTS):
        rule = "the weights must be an HDF5 file, as Keras writes it"
        yield Problem(path=path, rule=rule, given=f"{model.weights}, which is something else", remedy=remedy)
