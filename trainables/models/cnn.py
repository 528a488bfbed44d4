"""A convolutional network trained from scratch."""

from __future__ import annotations

import keras

from spaces.config.trial import CnnModel
from trainables.models.head import Penalties, activation, head, used
from trainables.models.layers import Layers
from trainables.models.settable import entry


def cnn(images: keras.KerasTensor, settings: CnnModel, *, classes: int, layers: Layers) -> keras.KerasTensor:
    """Class probabilities (batch, classes) of normalised images (batch, h, w, c)."""
    x = images
    for block, filters in enumerate(block_filters(settings)):
        name = f"block_{block + 1}"
        x = _block(x, filters, settings, block, layers=layers)
        if settings.pools[block]:
            x = keras.layers.MaxPooling2D(settings.pool_size, name=f"{name}_pool")(x)
        if settings.batch_norm == "block":
            x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
        x = layers.dropout(entry("model.dropout", settings.dropout, block), name=f"{name}_dropout")(x)
    return head(x, settings, classes=classes, layers=layers)


def block_filters(settings: CnnModel) -> tuple[int, ...]:
    """Filters of each block: as listed, or the first block's times the growth, again and again."""
    if isinstance(settings.filters, tuple):
        return settings.filters
    return tuple(max(1, round(settings.filters * settings.growth**block)) for block in range(settings.blocks))


def _block(x: keras.KerasTensor, filters: int, settings: CnnModel, block: int, *, layers: Layers) -> keras.KerasTensor:
    """The convolutions of a block, each with its normalisation, activation and dropout; around them, the way around."""
    around = x
    for conv in range(settings.convs_per_block):
        name = f"block_{block + 1}_conv_{conv + 1}"
        x = _convolution(x, filters, settings.kernel_sizes[conv], settings, layers=layers, name=name)
        if settings.residual and conv + 1 == settings.convs_per_block:
            way = f"block_{block + 1}_around"
            around = _convolution(around, filters, 3, settings, layers=layers, name=way)
            x = keras.layers.Add(name=f"{way}_add")([x, around])
        x = activation(settings.activation, settings.negative_slope, name=f"{name}_activation")(x)
        if settings.batch_norm == "after":
            x = keras.layers.BatchNormalization(name=f"{name}_norm")(x)
        x = _conv_dropout(x, settings, block, conv, layers=layers)
    return x


def _convolution(
    x: keras.KerasTensor, filters: int, kernel_size: int, settings: CnnModel, *, layers: Layers, name: str
) -> keras.KerasTensor:
    """A convolution as it stands before its activation."""
    penalties = Penalties(
        l1=used("model.l1", settings.l1), l2="model.l2", bias_l2=used("model.bias_l2", settings.bias_l2)
    )
    x = keras.layers.Conv2D(
        filters,
        kernel_size,
        padding=settings.padding,
        kernel_initializer=settings.initializer,
        name=name,
        **penalties.on(layers),
    )(x)
    return keras.layers.BatchNormalization(name=f"{name}_norm")(x) if settings.batch_norm == "before" else x


def _conv_dropout(
    x: keras.KerasTensor, settings: CnnModel, block: int, conv: int, *, layers: Layers
) -> keras.KerasTensor:
    """Dropout after a convolution; no layer where its rate is zero."""
    rates = settings.conv_dropout
    a_block = not isinstance(rates, tuple) or len(rates) == settings.blocks
    position = block if a_block else block * settings.convs_per_block + conv
    if not (rates[position] if isinstance(rates, tuple) else rates):
        return x
    path = entry("model.conv_dropout", rates, position)
    return layers.dropout(path, name=f"block_{block + 1}_conv_{conv + 1}_dropout")(x)
