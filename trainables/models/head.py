"""The head: feature maps in, class probabilities out."""

from __future__ import annotations

import keras

from spaces.config import Head
from trainables.models.layers import Layers

POOLINGS = {
    "average": keras.layers.GlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
    "flatten": keras.layers.Flatten,
}


def head(features: keras.KerasTensor, settings: Head, *, classes: int, layers: Layers) -> keras.KerasTensor:
    """Pools ``features`` (batch, h, w, c), runs the hidden dense layers, ends in softmax: float32 (batch, classes)."""
    x = POOLINGS[settings.pooling](name="head_pool")(features)
    widths = settings.units if isinstance(settings.units, tuple) else (settings.units,)
    for number, width in enumerate(widths, start=1):
        x = layers.dropout("model.head.dropout", name=f"head_dropout_{number}")(x)
        x = keras.layers.Dense(
            width, activation="relu", kernel_regularizer=layers.l2("model.l2"), name=f"head_dense_{number}"
        )(x)
        if settings.batch_norm:
            x = keras.layers.BatchNormalization(name=f"head_norm_{number}")(x)
    x = layers.dropout("model.head.dropout", name="head_dropout")(x)
    return keras.layers.Dense(
        classes, activation="softmax", dtype="float32", kernel_regularizer=layers.l2("model.l2"), name="classes"
    )(x)
