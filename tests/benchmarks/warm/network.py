"""The networks as a user of plain Keras writes them; `same_networks.py` holds them against ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers

from warm.job import CLASSES, DENSE_UNITS


def network(
    values: Mapping[str, Any], *, image_shape: tuple[int, ...], steps_per_execution: int = 1
) -> keras.Sequential:
    """A small convolutional network, compiled.

    Args:
        values: blocks, filters (of the first block; the next has twice as many), dropout, learning_rate and, where it
            is searched, l2.
        image_shape: height, width, channels.
        steps_per_execution: as Keras means it.
    """
    style = {"activation": "relu", "kernel_initializer": "he_normal"}
    l2 = values.get("l2")
    model = keras.Sequential([keras.Input(image_shape)])
    for block in range(values["blocks"]):
        filters = values["filters"] * 2**block
        model.add(layers.Conv2D(filters, 3, padding="same", kernel_regularizer=_penalty(l2), **style))
        model.add(layers.MaxPooling2D())
        model.add(layers.Dropout(values["dropout"]))
    model.add(layers.Flatten())
    model.add(layers.Dense(DENSE_UNITS, kernel_regularizer=_penalty(l2), **style))
    model.add(layers.Dense(CLASSES, activation="softmax", kernel_regularizer=_penalty(l2)))
    model.compile(
        optimizer=keras.optimizers.Adam(values["learning_rate"]),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )
    return model


def _penalty(l2: float | None) -> keras.regularizers.Regularizer | None:
    return None if l2 is None else keras.regularizers.L2(l2)
