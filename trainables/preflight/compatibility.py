"""Check whether data and model are compatible, by arithmetic alone, without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from spaces.config.fields import file_ref
from spaces.config.trial import CnnModel, CustomModel, PretrainedModel, TrialConfig
from spaces.problem import InputError, Problem
from trainables.data.load import describe
from trainables.dataset import DataInfo
from trainables.models.backbones import BACKBONES, Backbone, incompatibility
from trainables.trust import trust_problem

MODEL = ("trial", "model")
FILE_STARTS = (b"\x89HDF\r\n\x1a\n", b"PK\x03\x04")
"""The first bytes of HDF5 files and Keras archives, the formats that Keras reads weights from."""


def incompatibilities(config: TrialConfig, data: DataInfo, *, metric: str = "val_accuracy") -> Iterator[Problem]:
    """Yield the problems that prevent this configuration from training on this data."""
    watched = {("search", "metric"): metric, ("trial", "training", "monitor"): config.training.monitor}
    for path, named in watched.items():
        if len(data.class_names) <= 5 and "val_top5_accuracy" in (named if isinstance(named, tuple) else (named,)):
            rule = "top-5 accuracy requires more than five classes"
            given = f"val_top5_accuracy with {len(data.class_names)} classes"
            yield Problem(path=path, rule=rule, given=given, remedy="choose val_accuracy")
    if isinstance(config.model, CnnModel):
        yield from _vanishing(config.model, data)
        return
    found = trust_problem(config.model) if isinstance(config.model, CustomModel) else incompatibility(config.model)
    if found is not None:
        yield replace(found, path=("trial", *found.path))
    if isinstance(config.model, PretrainedModel) and config.model.backbone in BACKBONES:
        yield from _too_small(config.model, BACKBONES[config.model.backbone])
        yield from _unreadable(config.model)


def config_warnings(config: TrialConfig) -> Iterator[str]:
    """Yield warnings about settings that will train, but probably not as intended."""
    model = config.model
    if not isinstance(model, PretrainedModel) or model.backbone not in BACKBONES or model.input_size is None:
        return
    size_px = BACKBONES[model.backbone].size_px
    if 2 * model.input_size < size_px:
        yield (
            f"model.input_size {model.input_size} is less than half of the {size_px} pixels that {model.backbone} was "
            "trained on: its features are poor at that size. In one study a frozen ResNet50 on 32 × 32 pixels reached "
            "an accuracy of 0.25, while a small network trained from scratch reached 0.82."
        )


def check_compatibility(config: TrialConfig, *, source: str) -> None:
    """Check that a closed configuration and its data are compatible.

    Raises:
        InputError: they are not; or as for `trainables.data.load.load`.
    """
    found = [replace(problem, path=problem.path[1:]) for problem in incompatibilities(config, describe(config.data))]
    if found:
        raise InputError(found, source)


def _vanishing(model: CnnModel, data: DataInfo) -> Iterator[Problem]:
    height, width, _ = data.image_shape
    side = min(height, width)
    for block, pools in enumerate(model.pools, start=1):
        border = sum(size - 1 for size in model.kernel_sizes) if model.padding == "valid" else 0
        remaining = (side - border) // model.pool_size if pools else side - border
        if remaining < 1:
            yield Problem(
                path=(*MODEL, "blocks"),
                rule=f"every block must leave at least one pixel of the images, which are {height} × {width} pixels",
                given=f"{model.blocks} blocks; block {block} gets {side} pixels per side and leaves none",
                remedy="use fewer blocks, a smaller pool_size, padding: same, or pooling in fewer blocks",
            )
            return
        side = remaining


def _too_small(model: PretrainedModel, backbone: Backbone) -> Iterator[Problem]:
    if model.input_size is not None and model.input_size < backbone.min_size_px:
        yield Problem(
            path=(*MODEL, "input_size"),
            rule=f"{model.backbone} needs images of at least {backbone.min_size_px} pixels per side",
            given=str(model.input_size),
            remedy=f"use {backbone.min_size_px} or more; it was trained on {backbone.size_px}",
        )


def weights_file(model: PretrainedModel) -> Path | None:
    """Return the file that the weights come from; None for a keyword such as imagenet."""
    mark = file_ref(PretrainedModel.model_fields["weights"])
    return None if mark is not None and model.weights in mark.words else Path(model.weights)


def _unreadable(model: PretrainedModel) -> Iterator[Problem]:
    """Yield problems with a weights file; whether it matches the backbone is checked by reading it (`dry_build`)."""
    file = weights_file(model)
    if file is None:
        return
    path, remedy = (*MODEL, "weights"), "give a weights file of the backbone without its top, or `none`"
    if not file.is_file():
        yield Problem(path=path, rule="the weights must be a file", given=model.weights, remedy=remedy)
        return
    with file.open("rb") as opened:
        start = opened.read(8)
    if not start.startswith(FILE_STARTS):
        rule = "the weights must be an HDF5 file written by Keras"
        yield Problem(path=path, rule=rule, given=f"{model.weights}, which has another format", remedy=remedy)
