"""Optimizers by name, and learning-rate schedules as pure functions of the epochs so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from spaces.config.trial import Constant, Cosine, Exponential, Optimizer, Plateau, Product, Schedule
from trainables.keras_internals import replace_update

RateSchedule = Callable[[Sequence[float]], float]
"""Maps the validation losses so far to the learning-rate factor of the next epoch."""


def make(settings: Optimizer, *, weight_decay: keras.Variable, scaled_loss: bool = False) -> keras.optimizers.Optimizer:
    """Return the optimizer that the settings name. Its learning rate is assigned before every epoch.

    With ``scaled_loss`` it scales the loss up and the gradients back down, so that they do not vanish in float16; a
    step whose gradients overflow is skipped and lowers the scale (Micikevicius et al. 2018, section 3.2).
    """
    options: dict[str, Any] = {
        "adam": {},
        "adamw": {"weight_decay": weight_decay},
        "rmsprop": {"momentum": settings.momentum},
        "sgd": {"momentum": settings.momentum, "nesterov": settings.nesterov},
    }
    constructors = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
    }
    optimizer = constructors[settings.name](learning_rate=settings.learning_rate, **options[settings.name])
    _update_directly(optimizer)
    return keras.optimizers.LossScaleOptimizer(optimizer) if scaled_loss else optimizer


def reset(optimizer: keras.optimizers.Optimizer) -> None:
    """Reset momentum, step count and loss scale, and the learning rate until the next epoch sets it."""
    for variable in optimizer.variables:
        variable.assign(np.zeros(variable.shape, dtype=variable.dtype))
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer.dynamic_scale.assign(optimizer.initial_scale)


def _update_directly(optimizer: keras.optimizers.Optimizer) -> None:
    """Replace Keras' updates through tf.distribute, which keep every model ever trained in memory, by plain loops."""

    def update(gradients: Sequence[Any], variables: Sequence[keras.Variable], learning_rate: Any) -> None:
        for gradient, variable in zip(gradients, variables, strict=True):
            optimizer.update_step(gradient, variable.value, learning_rate)

    def decay(variables: Sequence[keras.Variable]) -> None:
        if optimizer.weight_decay is None:
            return
        for variable in variables:
            variable.value.assign_sub(variable.value * optimizer.weight_decay * optimizer.learning_rate)

    replace_update(optimizer, update_step=update, apply_weight_decay=decay)


def schedule(settings: Schedule, *, learning_rate: float, epochs: int) -> RateSchedule:
    """Return the schedule of the factor on ``learning_rate`` over ``epochs`` epochs."""
    if isinstance(settings, Plateau):
        return _plateau(settings, learning_rate)
    if isinstance(settings, Exponential):
        return lambda losses: math.exp(-settings.decay * max(0, len(losses) - settings.after))
    if isinstance(settings, Cosine):
        return lambda losses: _cosine(len(losses), warmup=settings.warmup, epochs=epochs)
    if isinstance(settings, Product):
        given = [part for part in (settings.plateau, settings.exponential, settings.cosine) if part is not None]
        parts = [schedule(part, learning_rate=learning_rate, epochs=epochs) for part in given]
        return lambda losses: math.prod(part(losses) for part in parts)
    assert isinstance(settings, Constant)  # noqa: S101 - for the type checker; pydantic admits nothing else
    return lambda losses: 1.0


def _plateau(settings: Plateau, learning_rate: float) -> RateSchedule:
    """Reduce by ``factor`` after ``patience`` epochs without a lower validation loss, down to the minimum."""

    def factor(losses: Sequence[float]) -> float:
        value, lowest, waited = 1.0, math.inf, 0
        for loss in losses:
            waited = 0 if loss < lowest else waited + 1
            lowest = min(lowest, loss)
            if waited >= settings.patience:
                value, waited = value * settings.factor, 0
        return max(value, min(1.0, settings.min_learning_rate / learning_rate))

    return factor


def _cosine(epoch: int, *, warmup: int, epochs: int) -> float:
    """Return a linear warm-up, then half a cosine towards zero (Loshchilov & Hutter 2017, eq. 5, without restarts)."""
    if epoch < warmup:
        return (epoch + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (epoch - warmup) / max(1, epochs - warmup)))
