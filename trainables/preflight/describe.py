"""What a configuration builds, and what a backbone is made of: layers, parameters, and what of them trains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import keras

from spaces.config.trial import Model, PretrainedModel, TrialConfig
from spaces.problem import InputError
from trainables.models.backbones import BACKBONES, feature_cut, first_unfrozen, layer_names, misfit
from trainables.models.layers import StockLayers
from trainables.models.pretrained import BACKBONE_LAYER, network_of, set_trainable
from trainables.models.settable import settable_values
from trainables.training.build import Inputs, _model


@dataclass(frozen=True, kw_only=True)
class Part:
    """A layer of a model, or a block of its backbone."""

    name: str
    """Of the layer, or of those of the block from the first to the last."""
    kind: str
    output: tuple[int | None, ...]
    """Shape without the batch."""
    parameters: int
    trainable_parameters: int
    layers: tuple[str, ...] = ()
    """Of a block, the names of its layers from the input up; each may be given as `unfreeze_from`."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """A model by its parts, from the input up."""

    parts: tuple[Part, ...]
    parameters: int
    """As Keras counts them: statistics of batch normalisation included."""
    trainable_parameters: int
    """While the unfrozen part trains."""
    image_shape: tuple[int, int, int]
    """Height, width and channels of the images."""
    classes: int | None
    """None of a backbone alone."""
    input_size: int | None = None
    """Side in pixels to which a backbone's images are resized."""
    unfrozen: str | None = None
    """What of the backbone trains, in words; None where there is no backbone."""
    cut: str | None = None
    """The layer of the backbone up to which features are the same for all trials that freeze as much."""


def describe(config: TrialConfig, *, image_shape: tuple[int, int, int], classes: int) -> Description:
    """What a configuration builds for such images. Weights are not read, and nothing is trained.

    Raises:
        InputError: there is no such backbone or part of it, or a user's function is not trusted or builds no model.
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
    """The blocks of a backbone without its top, at its own size, as if all of it trained.

    Raises:
        InputError: there is no such backbone.
    """
    settings = PretrainedModel(kind="pretrained", backbone=name, weights="none")
    problem = misfit(settings)
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


def _parts(network: keras.Model, model: Model) -> Iterator[Part]:
    for layer in network.layers:
        if isinstance(model, PretrainedModel) and layer.name == BACKBONE_LAYER:
            yield from _blocks(layer, model.backbone)
        elif isinstance(layer, keras.Model):
            yield from _parts(layer, model)
        else:
            yield _part(layer.name, type(layer).__name__, [layer])


def _blocks(network: keras.Model, backbone: str) -> Iterator[Part]:
    """The backbone's blocks, numbered from the top: as many as ``unfrozen_blocks`` must be to train one."""
    ends = BACKBONES[backbone].block_ends
    block: list[keras.layers.Layer] = []
    for layer in network.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            block.append(layer)
        if layer.name in ends:
            number = len(ends) - ends.index(layer.name)
            yield _part(f"{block[0].name} … {layer.name}", f"block {number}, {len(block)} layers", block, inner=True)
            block = []


def _part(name: str, kind: str, layers: list[keras.layers.Layer], *, inner: bool = False) -> Part:
    return Part(
        name=name,
        kind=kind,
        output=tuple(layers[-1].output.shape[1:]),
        parameters=sum(layer.count_params() for layer in layers),
        trainable_parameters=sum(_count(layer.trainable_variables) for layer in layers),
        layers=tuple(layer.name for layer in layers) if inner else (),
    )


def _count(variables: Iterable[keras.Variable]) -> int:
    return sum(prod(variable.shape) for variable in variables)
