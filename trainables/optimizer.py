"""Optimizers by name, and learning-rate schedules: pure functions of the epochs seen so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras

from spaces.config import Constant, Cosine, Exponential, Optimizer, Plateau, Schedule

RateSchedule = Callable[[Sequence[float]], float]
"""From the validation losses of the epochs so far to the factor on the learning rate of the next epoch."""


def make(settings: Optimizer, *, weight_decay: keras.Variable) -> keras.optimizers.Optimizer:
    """The optimizer that the settings name. Its learning rate is assigned before every epoch."""
    options: dict[str, Any] = {
        "adam": {},
        "adamw": {"weight_decay": weight_decay},
        "rmsprop": {"momentum": settings.momentum},
        "sgd": {"momentum": settings.momentum},
    }
    constructors = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
    }
    optimizer = constructors[settings.name](learning_rate=settings.learning_rate, **options[settings.name])
    return _update_directly(optimizer)


def _update_directly(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Replaces Keras' way through tf.distribute, which keeps every model that was ever trained in memory, by loops."""

    def update(gradients: Sequence[Any], variables: Sequence[keras.Variable], learning_rate: Any) -> None:
        for gradient, variable in zip(gradients, variables, strict=True):
            optimizer.update_step(gradient, variable.value, learning_rate)

    def decay(variables: Sequence[keras.Variable]) -> None:
        if optimizer.weight_decay is None:
            return
        for variable in variables:
            variable.value.assign_sub(variable.value * optimizer.weight_decay * optimizer.learning_rate)

    optimizer._backend_update_step, optimizer._apply_weight_decay = update, decay
    return optimizer


def schedule(settings: Schedule, *, learning_rate: float, epochs: int) -> RateSchedule:
    """The factor on ``learning_rate`` for each of ``epochs`` epochs."""
    if isinstance(settings, Plateau):
        return _plateau(settings, learning_rate)
    if isinstance(settings, Exponential):
        return lambda losses: math.exp(-settings.decay * max(0, len(losses) - settings.after))
    if isinstance(settings, Cosine):
        return lambda losses: _cosine(len(losses), warmup=settings.warmup, epochs=epochs)
    assert isinstance(settings, Constant)  # noqa: S101 - for the type checker; pydantic admits nothing else
    return lambda losses: 1.0


def _plateau(settings: Plateau, learning_rate: float) -> RateSchedule:
    """Falls by ``factor`` after ``patience`` epochs without a lower validation loss, never below the minimum."""

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
    """Linear warm-up, then half a cosine towards zero (Loshchilov & Hutter 2017, eq. 5, without restarts)."""
    if epoch < warmup:
        return (epoch + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (epoch - warmup) / max(1, epochs - warmup)))
