"""Fresh weights for a model that already exists, a function of the seed alone."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np

from trainables.keras_internals import flat_layers, has_sublayers


def initialise(model: keras.Model, *, seed: int, pretrained: Mapping[str, list[np.ndarray]]) -> None:
    """Draw every weight of ``model`` again and reset every random generator.

    Args:
        model: any model of stock layers and Tunehound's own; sublayers are found at any depth.
        seed: the same seed gives the same weights, whatever the model was used for before.
        pretrained: weights by layer name, assigned instead of drawn.

    Raises:
        ValueError: a weight of the model has no known initializer.
    """
    for position, layer in enumerate(layer for layer in flat_layers(model) if holds_weights(layer)):
        if layer.name in pretrained:
            layer.set_weights(pretrained[layer.name])
        else:
            _draw(layer, seed=seed, position=position)
    reset_generators(model, seed=seed)


def reset_generators(model: keras.Model, *, seed: int) -> None:
    """Reset every random generator of ``model`` to the state that the seed gives."""
    generators = [layer.seed_generator for layer in flat_layers(model) if hasattr(layer, "seed_generator")]
    for position, generator in enumerate(generators):
        state = np.random.SeedSequence([seed, position, 1]).generate_state(1)
        generator.state.assign(np.array([state[0], 0], dtype=generator.state.dtype))


def holds_weights(layer: keras.layers.Layer) -> bool:
    """Whether a layer has weights of its own rather than those of layers inside it."""
    return bool(layer.weights) and not has_sublayers(layer)


def _draw(layer: keras.layers.Layer, *, seed: int, position: int) -> None:
    for number, weight in enumerate(layer.weights):
        initializer = _initializer(layer, weight)
        settings = initializer.get_config()
        if "seed" in settings:
            drawn = int(np.random.SeedSequence([seed, position, 0, number]).generate_state(1)[0])
            initializer = type(initializer).from_config(settings | {"seed": drawn})
        weight.assign(initializer(weight.shape, dtype=weight.dtype))


def _initializer(layer: keras.layers.Layer, weight: keras.Variable) -> keras.initializers.Initializer:
    """The layer's initializer of a weight: ``moving_mean_initializer`` of ``moving_mean``, and so on.

    Depthwise and separable convolutions name theirs by the kind of kernel: ``depthwise_initializer``.
    """
    if isinstance(layer, keras.layers.Normalization):  # the identity until it is adapted or given weights
        return keras.initializers.Ones() if weight.name == "variance" else keras.initializers.Zeros()
    kind = "depthwise" if weight.name == "kernel" else weight.name.removesuffix("_kernel")
    for attribute in (f"{weight.name}_initializer", f"{kind}_initializer"):
        if hasattr(layer, attribute):
            return getattr(layer, attribute)
    raise ValueError(f"weight {weight.path} of layer {layer.name} has no known initializer")
