"""The head: feature maps in, class probabilities out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from spaces.config.trial import CnnModel, PretrainedModel
from trainables.models.layers import Layers
from trainables.models.settable import entry

POOLINGS = {
    "average": keras.layers.GlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
    "flatten": keras.layers.Flatten,
}
FIRST_LAYER = "head_pool"
ON_A_BACKBONE: Mapping[str, Any] = {"activation": "relu", "negative_slope": 0.1, "initializer": "glorot_uniform"}
"""What a head does that says nothing of it, where its model has no such settings."""


@dataclass(frozen=True, kw_only=True)
class Penalties:
    """The paths of the values that penalise weights; None where nothing does."""

    l1: str | None
    l2: str | None
    bias_l2: str | None

    def on(self, layers: Layers) -> dict[str, keras.regularizers.Regularizer | None]:
        """The arguments of a layer with a kernel and a bias."""
        bias = layers.penalty(l2=self.bias_l2)
        return {"kernel_regularizer": layers.penalty(l1=self.l1, l2=self.l2), "bias_regularizer": bias}


def head(
    features: keras.KerasTensor, model: CnnModel | PretrainedModel, *, classes: int, layers: Layers
) -> keras.KerasTensor:
    """Pools ``features`` (batch, h, w, c), runs the hidden dense layers, ends in softmax: float32 (batch, classes)."""
    settings, penalties = model.head, _penalties(model)
    x = POOLINGS[settings.pooling](name=FIRST_LAYER)(features)
    for position, width in enumerate(settings.widths):
        x = _hidden(x, model, width, position, layers=layers)
        path = entry("model.head.dropout", settings.dropout, position)
        x = layers.dropout(path, name=f"head_dropout_{position + 1}")(x)
    if not settings.widths and not isinstance(settings.dropout, tuple):
        x = layers.dropout("model.head.dropout", name="head_dropout")(x)
    return keras.layers.Dense(classes, activation="softmax", dtype="float32", name="classes", **penalties.on(layers))(x)


def activation(kind: str, negative_slope: float, *, name: str) -> keras.layers.Layer:
    """ReLU, or ReLU with a slope below zero."""
    if kind == "leaky_relu":
        return keras.layers.LeakyReLU(negative_slope=negative_slope, name=name)
    return keras.layers.Activation(kind, name=name)


def used(path: str, value: float | None) -> str | None:
    """The path of a penalty for which nothing is built where it is zero; None there."""
    return path if value else None


def _hidden(
    x: keras.KerasTensor, model: CnnModel | PretrainedModel, width: int, position: int, *, layers: Layers
) -> keras.KerasTensor:
    settings, number = model.head, position + 1
    style = {name: _style(model, name) for name in ON_A_BACKBONE}
    norms = settings.batch_norm[position] if isinstance(settings.batch_norm, tuple) else settings.batch_norm
    before = isinstance(model, CnnModel) and model.batch_norm == "before"
    name = f"head_norm_{number}"
    x = keras.layers.Dense(
        width, kernel_initializer=style["initializer"], name=f"head_dense_{number}", **_penalties(model).on(layers)
    )(x)
    x = keras.layers.BatchNormalization(name=name)(x) if norms and before else x
    x = activation(style["activation"], style["negative_slope"], name=f"head_activation_{number}")(x)
    return keras.layers.BatchNormalization(name=name)(x) if norms and not before else x


def _style(model: CnnModel | PretrainedModel, name: str) -> Any:
    """A setting of the head: its own, else its model's."""
    own = getattr(model.head, name)
    return getattr(model, name, ON_A_BACKBONE[name]) if own is None else own


def _penalties(model: CnnModel | PretrainedModel) -> Penalties:
    """The head's own penalties, else its model's."""
    paths = {}
    for name in ("l1", "l2", "bias_l2"):
        own = getattr(model.head, name)
        path, value = (f"model.{name}", getattr(model, name)) if own is None else (f"model.head.{name}", own)
        paths[name] = path if name == "l2" else used(path, value)
    return Penalties(**paths)
