"""A backbone trained elsewhere under a new head, with any number of its blocks unfrozen."""

from __future__ import annotations

from typing import Any

import keras

from spaces.config import PretrainedModel
from trainables.models.backbones import BACKBONES, Backbone
from trainables.models.head import head
from trainables.models.layers import Layers

BACKBONE_LAYER = "backbone"


def pretrained(
    images: keras.KerasTensor, settings: PretrainedModel, *, classes: int, layers: Layers
) -> keras.KerasTensor:
    """Class probabilities (batch, classes) of images (batch, h, w, 1 or 3) with pixels in [0, 255]."""
    entry = BACKBONES[settings.backbone]
    side = settings.input_size or entry.size_px
    x = images
    if x.shape[-1] == 1:
        x = keras.layers.Concatenate(name="grey_to_rgb")([x, x, x])
    if tuple(x.shape[1:3]) != (side, side):
        x = keras.layers.Resizing(side, side, name="resize")(x)
    x = entry.preprocessing()(x)
    x = _backbone(entry, settings, side=side, layers=layers)(x)
    return head(x, settings.head, classes=classes, layers=layers)


def set_trainable(model: keras.Model, settings: PretrainedModel, *, unfrozen_blocks: int) -> None:
    """Freezes the backbone below its ``unfrozen_blocks`` topmost blocks and lets the rest train."""
    backbone = model.get_layer(BACKBONE_LAYER)
    cut = cut_layer(settings.backbone, unfrozen_blocks)
    above = cut is None
    for layer in backbone.layers:
        layer.trainable = above
        above = above or layer.name == cut


def cut_layer(backbone: str, unfrozen_blocks: int) -> str | None:
    """The last frozen layer; None where nothing is frozen."""
    ends = BACKBONES[backbone].block_ends
    return ends[len(ends) - 1 - unfrozen_blocks] if unfrozen_blocks < len(ends) else None


def _backbone(entry: Backbone, settings: PretrainedModel, *, side: int, layers: Layers) -> keras.Model:
    weights = None if settings.weights == "none" else settings.weights
    options: dict[str, Any] = {"alpha": settings.alpha} if entry.has_alpha else {}
    network = entry.constructor(input_shape=(side, side, 3), include_top=False, weights=weights, **options)

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        build = layers.batch_norm if isinstance(layer, keras.layers.BatchNormalization) else type(layer).from_config
        return build(**layer.get_config()) if build is layers.batch_norm else build(layer.get_config())

    copied = keras.models.clone_model(network, clone_function=copy)
    copied.set_weights(network.get_weights())
    return keras.Model(copied.inputs, copied.outputs, name=BACKBONE_LAYER)
