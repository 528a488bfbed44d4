"""The private parts of Keras that models and training rely on: the test of this module fails when Keras moves one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
from keras.src.backend import config

UpdateStep = Callable[[Sequence[Any], Sequence[keras.Variable], Any], None]
"""Applies gradients to their variables at a learning rate."""
ApplyWeightDecay = Callable[[Sequence[keras.Variable]], None]


def flat_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a model at any depth, without the model itself."""
    return list(model._flatten_layers(include_self=False))


def has_sublayers(layer: keras.layers.Layer) -> bool:
    """Whether a layer contains other layers."""
    return bool(layer._layers)


def replace_update(
    optimizer: keras.optimizers.Optimizer, *, update_step: UpdateStep, apply_weight_decay: ApplyWeightDecay
) -> None:
    """Make an optimizer apply its gradients and its weight decay by these functions instead of its own methods."""
    optimizer._backend_update_step, optimizer._apply_weight_decay = update_step, apply_weight_decay


def use_keras_home(folder: Path) -> None:
    """Make Keras look for published weights in ``folder``/models, and download them there."""
    config._KERAS_DIR = str(folder)
