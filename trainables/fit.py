"""Do data and model fit together? Found out by arithmetic, before anything starts and without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spaces.config import CnnModel, PretrainedModel, TrialConfig
from spaces.problem import Problem
from trainables.data.dataset import DataInfo


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
    else:
        yield from _too_small(config.model)


def _vanishing(model: CnnModel, data: DataInfo) -> Iterator[Problem]:
    side = min(data.image_shape[:2])
    for _ in range(model.blocks):
        side //= model.pool_size
    if side == 0:
        height, width, _ = data.image_shape
        yield Problem(
            path=("trial", "model", "blocks"),
            rule=f"pooling must leave something of the images, which are {height} × {width} pixels",
            given=f"{model.blocks} blocks that each divide the side by {model.pool_size}",
            remedy="use fewer blocks, or a smaller pool_size",
        )


def _too_small(model: PretrainedModel) -> Iterator[Problem]:
    """Problems of a backbone that show without building it."""
    if model.weights not in ("none",) and not Path(model.weights).is_file():
        yield Problem(
            path=("trial", "model", "weights"),
            rule="the weights must be a file",
            given=model.weights,
            remedy="name the backbone's weights file without its top, or `none`",
        )
