"""A backbone trained elsewhere under a new head, with as much of it unfrozen as wanted."""

from __future__ import annotations

import re
import warnings
from typing import Any

import keras
import numpy as np

from spaces.config.trial import PretrainedModel
from spaces.problem import InputError, Problem
from trainables.models.backbones import BACKBONES, Backbone, first_unfrozen, layer_names, misfit
from trainables.models.cut import Cut
from trainables.models.head import FIRST_LAYER, head
from trainables.models.layers import Layers, StockLayers

BACKBONE_LAYER = "backbone"

IMAGENET_MEANS, IMAGENET_DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of RGB pixels in [0, 1]."""
CAFFE_MEANS = (103.939, 116.779, 123.68)
"""Of BGR pixels in [0, 255]."""


def pretrained(
    images: keras.KerasTensor, settings: PretrainedModel, *, classes: int, layers: Layers
) -> keras.KerasTensor:
    """Class probabilities (batch, classes) of images (batch, h, w, 1 or 3) with pixels in [0, 255].

    The weights are random; `trained_weights` has the others.

    Raises:
        InputError: there is no such backbone, or no such part of it to unfreeze.
    """
    x = _backbone(settings, layers)(prepared(images, settings))
    return head(x, settings, classes=classes, layers=layers)


def prepared(images: keras.KerasTensor, settings: PretrainedModel) -> keras.KerasTensor:
    """Images (batch, h, w, 1 or 3) with pixels in [0, 255] as the backbone wants them: its size, its preprocessing.

    Raises:
        InputError: there is no such backbone.
    """
    entry, side = _entry(settings), _side(settings)
    x = images
    if x.shape[-1] == 1:
        x = keras.layers.Concatenate(name="grey_to_rgb")([x, x, x])
    if tuple(x.shape[1:3]) != (side, side):
        # Unless it is told otherwise, this layer takes every call for one of training, and so do all after it: dropout
        # and batch normalisation would train in `model(images)` and in whatever the model is exported to.
        x = keras.layers.Resizing(side, side, name="resize")(x, training=False)
    return preprocessed(x, entry)


def preprocessed(pixels: keras.KerasTensor, backbone: Backbone) -> keras.KerasTensor:
    """Pixels in [0, 255] (batch, h, w, 3) as the backbone was shown them in its training, by stock layers."""
    name, dtype = "preprocess", "float32"
    if backbone.preprocessing == "centred":
        return keras.layers.Rescaling(1 / 127.5, offset=-1, name=name, dtype=dtype)(pixels)
    if backbone.preprocessing == "torch":
        means = [255 * mean for mean in IMAGENET_MEANS]
        variances = [(255 * deviation) ** 2 for deviation in IMAGENET_DEVIATIONS]
        return keras.layers.Normalization(mean=means, variance=variances, name=name, dtype=dtype)(pixels)
    if backbone.preprocessing == "caffe":
        flipped = keras.ops.flip(pixels, axis=-1)
        return keras.layers.Normalization(mean=CAFFE_MEANS, variance=(1.0,) * 3, name=name, dtype=dtype)(flipped)
    return pixels


def trained_weights(model: keras.Model, settings: PretrainedModel) -> dict[str, list[np.ndarray]]:
    """The weights that the settings name for the backbone inside ``model``, by layer; none of them for "none".

    Raises:
        InputError: they cannot be read, or they are of another network.
    """
    if settings.weights == "none":
        return {}
    network = trained_network(settings)
    ours, theirs = ([each for each in m.layers if each.weights] for m in (model.get_layer(BACKBONE_LAYER), network))
    return {layer.name: trained.get_weights() for layer, trained in zip(ours, theirs, strict=True)}


def trained_network(settings: PretrainedModel) -> keras.Model:
    """The backbone as Keras has it, with the weights that the settings name.

    Raises:
        InputError: they cannot be read, or they are of another network.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # a hundred lines where the file is another network's
            return _network(settings, weights=settings.weights)
    except Exception as error:  # h5py, Keras and the download each have their own
        raise _wrong_weights(settings, error) from error


def set_trainable(model: keras.Model, settings: PretrainedModel, *, unfrozen: bool) -> None:
    """Lets that part of the backbone train that the settings unfreeze, or (``unfrozen`` false) nothing of it."""
    layers = model.get_layer(BACKBONE_LAYER).layers  # from the input up
    count = len(layer_names(settings.backbone)) - first_unfrozen(settings) if unfrozen else 0
    for below_top, layer in enumerate(reversed(layers)):
        layer.trainable = below_top < count


def network_of(settings: PretrainedModel) -> keras.Model:
    """The backbone alone with random weights, its layers named as in a fresh process."""
    return _backbone(settings, StockLayers({}))


def suffix_of(whole: keras.Model, cut: Cut) -> keras.Model:
    """The part of a network that trains on stored features: from what crosses the cut,
    float32 (batch, …), to class probabilities, by the layers of ``whole`` themselves.
    """
    backbone, pool = whole.get_layer(BACKBONE_LAYER), whole.get_layer(FIRST_LAYER)
    crossing = backbone.get_layer(cut.layer).output
    if cut.pooling:
        vector = keras.Input(pool.output.shape[1:], dtype="float32", name="features")
        return keras.Model(vector, keras.Model(pool.output, whole.output)(vector), name="suffix")
    features = keras.Input(crossing.shape[1:], dtype="float32", name="features")
    top = features if cut.layer == backbone.layers[-1].name else keras.Model(crossing, backbone.output)(features)
    return keras.Model(features, keras.Model(pool.input, whole.output)(top), name="suffix")


def _backbone(settings: PretrainedModel, layers: Layers) -> keras.Model:
    network = _network(settings, weights=None)
    names, divisors = fresh_names(network), _entry(settings).rescaled if settings.weights != "none" else ()

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        options = {**layer.get_config(), "name": names[layer.name]}
        if isinstance(layer, keras.layers.BatchNormalization):
            return layers.batch_norm(options)
        return type(layer).from_config(options)

    def call(layer: keras.layers.Layer, *inputs: Any, **options: Any) -> Any:
        outputs = layer(*inputs, **options)
        if divisors and layer.name == "normalization":  # Keras adds this where it downloads weights, not for a file
            outputs = keras.layers.Rescaling([1 / each for each in divisors], name="rescaling_1")(outputs)
        return outputs

    images = keras.Input(network.input.shape[1:], name="input_layer")
    copied = keras.models.clone_model(network, images, clone_function=copy, call_function=call)
    return keras.Model(copied.input, copied.output, name=BACKBONE_LAYER)


def fresh_names(network: keras.Model) -> dict[str, str]:
    """The names that the layers of a network would have in a fresh process, by those that they have.

    Keras numbers layers without a name of their own through the whole process: ``conv2d_94`` is ``conv2d`` of the
    second InceptionV3.
    """
    numbers: dict[str, list[int]] = {}
    for layer in network.layers:
        kind, number = _automatic(layer)
        numbers.setdefault(kind, []).append(number)
    names = {}
    for layer in network.layers:
        kind, number = _automatic(layer)
        place = number - min(numbers[kind])
        names[layer.name] = layer.name if number < 0 else f"{kind}_{place}" if place else kind
    return names


def _automatic(layer: keras.layers.Layer) -> tuple[str, int]:
    """The kind and the number in a name that Keras gave; -1 for one that the network's author gave."""
    found = re.fullmatch(r"(.+?)(?:_(\d+))?", layer.name)
    kind, number = (found[1], found[2]) if found else (layer.name, None)
    if kind.replace("_", "") != type(layer).__name__.lower():
        return layer.name, -1
    return kind, int(number or 0)


def _network(settings: PretrainedModel, *, weights: str | None) -> keras.Model:
    entry, side = _entry(settings), _side(settings)
    options: dict[str, Any] = {"alpha": settings.alpha} if entry.has_alpha else {}
    constructor = getattr(keras.applications, entry.constructor)
    return constructor(input_shape=(side, side, 3), include_top=False, weights=weights, **options)


def _side(settings: PretrainedModel) -> int:
    return settings.input_size or _entry(settings).size_px


def _entry(settings: PretrainedModel) -> Backbone:
    problem = misfit(settings)
    if problem is not None:
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
