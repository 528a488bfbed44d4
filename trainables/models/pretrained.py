"""A backbone trained elsewhere under a new head, with any number of its blocks unfrozen."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from spaces.config import PretrainedModel
from spaces.problem import InputError, Problem, did_you_mean
from trainables.models.backbones import BACKBONES, Backbone
from trainables.models.head import head
from trainables.models.layers import Layers

BACKBONE_LAYER = "backbone"

PREPROCESSING: dict[str, Callable[[], keras.layers.Layer]] = {
    "centred": lambda: keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess"),
}
"""A stock layer that turns pixels in [0, 255] into what a backbone was trained on."""


def pretrained(
    images: keras.KerasTensor, settings: PretrainedModel, *, classes: int, layers: Layers
) -> keras.KerasTensor:
    """Class probabilities (batch, classes) of images (batch, h, w, 1 or 3) with pixels in [0, 255].

    The weights are random; `trained_weights` has the others.

    Raises:
        InputError: there is no such backbone.
    """
    entry, side = _entry(settings), _side(settings)
    x = images
    if x.shape[-1] == 1:
        x = keras.layers.Concatenate(name="grey_to_rgb")([x, x, x])
    if tuple(x.shape[1:3]) != (side, side):
        x = keras.layers.Resizing(side, side, name="resize")(x)
    x = PREPROCESSING[entry.preprocessing]()(x)
    x = _backbone(settings, layers)(x)
    return head(x, settings.head, classes=classes, layers=layers)


def trained_weights(model: keras.Model, settings: PretrainedModel) -> dict[str, list[np.ndarray]]:
    """The weights that the settings name for the backbone inside ``model``, by layer; none of them for "none".

    Raises:
        InputError: they cannot be read, or they are of another network.
    """
    if settings.weights == "none":
        return {}
    try:
        with warnings.catch_warnings(action="ignore"):  # a hundred lines where the file is another network's
            network = _network(settings, weights=settings.weights)
    except Exception as error:  # h5py, Keras and the download each have their own
        raise _wrong_weights(settings, error) from error
    pairs = zip(model.get_layer(BACKBONE_LAYER).layers, network.layers, strict=True)
    return {ours.name: theirs.get_weights() for ours, theirs in pairs if theirs.weights}


def set_trainable(model: keras.Model, settings: PretrainedModel, *, unfrozen_blocks: int) -> None:
    """Freezes the backbone below its ``unfrozen_blocks`` topmost blocks and lets the rest train."""
    cut = _entry(settings).cut(unfrozen_blocks)
    above = cut is None
    for layer in model.get_layer(BACKBONE_LAYER).layers:  # from the input up
        layer.trainable = above
        above = above or layer.name == cut


def _backbone(settings: PretrainedModel, layers: Layers) -> keras.Model:
    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.BatchNormalization):
            return layers.batch_norm(layer.get_config())
        return type(layer).from_config(layer.get_config())

    copied = keras.models.clone_model(_network(settings, weights=None), clone_function=copy)
    return keras.Model(copied.input, copied.output, name=BACKBONE_LAYER)


def _network(settings: PretrainedModel, *, weights: str | None) -> keras.Model:
    entry, side = _entry(settings), _side(settings)
    options: dict[str, Any] = {"alpha": settings.alpha} if entry.has_alpha else {}
    constructor = getattr(keras.applications, entry.constructor)
    return constructor(input_shape=(side, side, 3), include_top=False, weights=weights, **options)


def _side(settings: PretrainedModel) -> int:
    return settings.input_size or _entry(settings).size_px


def _entry(settings: PretrainedModel) -> Backbone:
    if settings.backbone not in BACKBONES:
        remedy = did_you_mean(settings.backbone, BACKBONES)
        problem = Problem(
            path=("model", "backbone"), rule="there is no such backbone", given=settings.backbone, remedy=remedy
        )
        raise InputError([problem], "configuration")
    return BACKBONES[settings.backbone]


def _wrong_weights(settings: PretrainedModel, error: Exception) -> InputError:
    width = f" of width alpha {settings.alpha:g}" if _entry(settings).has_alpha else ""
    told = str(error).strip().split("\n")[0] or type(error).__name__
    problem = Problem(
        path=("model", "weights"),
        rule=f"the weights must be those of {settings.backbone}{width}, without its top",
        given=f"{settings.weights}: {told}",
        remedy="name the file that belongs to this backbone and this alpha, or `none`",
    )
    return InputError([problem], settings.weights)
