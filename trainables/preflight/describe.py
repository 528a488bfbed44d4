"""Describe the model of a configuration, or a backbone: its layers, parameters and what is trainable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import keras

from spaces.config.trial import Model, PretrainedModel, TrialConfig
from spaces.problem import InputError
from trainables.models.backbones import BACKBONES, feature_cut, first_unfrozen, incompatibility, layer_names
from trainables.models.layers import StockLayers
from trainables.models.pretrained import BACKBONE_LAYER, network_of, set_trainable
from trainables.models.settable import settable_values
from trainables.training.build import Inputs, _model


@dataclass(frozen=True, kw_only=True)
class ModelPart:
    """A layer of a model, or a block of its backbone."""

    name: str
    """Name of the layer, or names of the block's first and last layers."""
    kind: str
    output: tuple[int | None, ...]
    """Output shape without the batch dimension."""
    parameters: int
    trainable_parameters: int
    layers: tuple[str, ...] = ()
    """For a block, the names of its layers from the input up; each can be used as `unfreeze_from`."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """A model and its parts, from the input up."""

    parts: tuple[ModelPart, ...]
    parameters: int
    """As counted by Keras, including the statistics of batch normalisation."""
    trainable_parameters: int
    """Trainable parameters once the unfrozen layers train."""
    image_shape: tuple[int, int, int]
    """Height, width and channels of the images."""
    classes: int | None
    """None for a backbone alone."""
    input_size: int | None = None
    """Side in pixels to which images are resized for the backbone."""
    unfrozen: str | None = None
    """The part of the backbone that trains, in words; None without a backbone."""
    cut: str | None = None
    """The layer of the backbone at which frozen features are cut, if any."""


def describe(config: TrialConfig, *, image_shape: tuple[int, int, int], classes: int) -> Description:
    """Describe the model that a configuration builds for such images. Reads no weights and trains nothing.

    Raises:
        InputError: there is no such backbone or layer, or a user's function is not trusted or fails to build a model.
    """
    channels = image_shape[-1]
    inputs = Inputs(shape=image_shape, classes=classes, mean=(0.0,) * channels, variance=(1.0,) * channels)
    network, model = _model(config, inputs, layers=StockLayers(settable_values(config))), config.model
    if isinstance(model, PretrainedModel):
        set_trainable(network, model, unfrozen=True)
    return Description(
        parts=tuple(_parts(network, model)),
        parameters=network.count_params(),
        trainable_parameters=_count(network.trainable_variables),
        image_shape=image_shape,
        classes=classes,
        **_backbone_facts(model),
    )


def describe_backbone(name: str) -> Description:
    """Describe the blocks of a backbone without its top, at its native size, with all layers trainable.

    Raises:
        InputError: there is no such backbone.
    """
    settings = PretrainedModel(kind="pretrained", backbone=name, weights="none")
    problem = incompatibility(settings)
    if problem is not None:
        raise InputError([problem], name)
    network, side = network_of(settings), BACKBONES[name].size_px
    return Description(
        parts=tuple(_blocks(network, name)),
        parameters=network.count_params(),
        trainable_parameters=_count(network.trainable_variables),
        image_shape=(side, side, 3),
        classes=None,
        input_size=side,
    )


def _backbone_facts(model: Model) -> dict[str, Any]:
    if not isinstance(model, PretrainedModel):
        return {}
    names, first = layer_names(model.backbone), first_unfrozen(model)
    unfrozen = f"{len(names) - first} of {len(names)} layers, from {names[first]}" if first < len(names) else "nothing"
    size = model.input_size or BACKBONES[model.backbone].size_px
    return {"unfrozen": unfrozen, "cut": feature_cut(model), "input_size": size}


def _parts(network: keras.Model, model: Model) -> Iterator[ModelPart]:
    for layer in network.layers:
        if isinstance(model, PretrainedModel) and layer.name == BACKBONE_LAYER:
            yield from _blocks(layer, model.backbone)
        elif isinstance(layer, keras.Model):
            yield from _parts(layer, model)
        else:
            yield _part(layer.name, type(layer).__name__, [layer])


def _blocks(network: keras.Model, backbone: str) -> Iterator[ModelPart]:
    """Yield the backbone's blocks, numbered from the top like ``unfrozen_blocks``."""
    ends = BACKBONES[backbone].block_ends
    block: list[keras.layers.Layer] = []
    for layer in network.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            block.append(layer)
        if layer.name in ends:
            number = len(ends) - ends.index(layer.name)
            yield _part(f"{block[0].name} … {layer.name}", f"block {number}, {len(block)} layers", block, inner=True)
            block = []


def _part(name: str, kind: str, layers: list[keras.layers.Layer], *, inner: bool = False) -> ModelPart:
    return ModelPart(
        name=name,
        kind=kind,
        output=tuple(layers[-1].output.shape[1:]),
        parameters=sum(layer.count_params() for layer in layers),
        trainable_parameters=sum(_count(layer.trainable_variables) for layer in layers),
        layers=tuple(layer.name for layer in layers) if inner else (),
    )


def _count(variables: Iterable[keras.Variable]) -> int:
    return sum(prod(variable.shape) for variable in variables)
