"""A convolutional network trained from scratch."""

from __future__ import annotations

import keras

from spaces.config import CnnModel
from trainables.models.head import head
from trainables.models.layers import Layers


def cnn(images: keras.KerasTensor, settings: CnnModel, *, classes: int, layers: Layers) -> keras.KerasTensor:
    """Class probabilities (batch, classes) of normalised images (batch, h, w, c)."""
    x = images
    for block, filters in enumerate(block_filters(settings), start=1):
        for conv in range(1, settings.convs_per_block + 1):
            x = _convolution(x, filters, settings, layers=layers, name=f"block_{block}_conv_{conv}")
        if settings.pool_size > 1:
            x = keras.layers.MaxPooling2D(settings.pool_size, name=f"block_{block}_pool")(x)
        x = layers.dropout("model.dropout", name=f"block_{block}_dropout")(x)
    return head(x, settings.head, classes=classes, layers=layers)


def block_filters(settings: CnnModel) -> tuple[int, ...]:
    """Filters of each block: as listed, or the first block's times the growth, again and again."""
    if isinstance(settings.filters, tuple):
        return settings.filters
    return tuple(max(1, round(settings.filters * settings.growth**block)) for block in range(settings.blocks))


def _convolution(
    x: keras.KerasTensor, filters: int, settings: CnnModel, *, layers: Layers, name: str
) -> keras.KerasTensor:
    x = keras.layers.Conv2D(
        filters,
        settings.kernel_size,
        padding="same",
        kernel_initializer=settings.initializer,
        kernel_regularizer=layers.l2("model.l2"),
        name=name,
    )(x)
    if settings.batch_norm == "before":
        x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
    x = keras.layers.Activation(settings.activation, name=f"{name}_activation")(x)
    if settings.batch_norm == "after":
        x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
    return x
