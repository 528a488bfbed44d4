"""Fresh weights for a model that already exists, a function of the seed alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import keras
import numpy as np

WEIGHTS = ("kernel", "depthwise_kernel", "pointwise_kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
"""The attributes under which Keras' layers keep their weights; ``moving_mean`` comes from
``moving_mean_initializer``, and so on."""


def initialise(model: keras.Model, *, seed: int, pretrained: Mapping[str, list[np.ndarray]]) -> None:
    """Draws every weight of ``model`` anew and rewinds every random generator.

    Args:
        model: any model of stock layers and of ours; sublayers are found at any depth.
        seed: the same seed gives the same weights, whatever the model was used for before.
        pretrained: by layer name, weights that are assigned instead of drawn.

    Raises:
        ValueError: a weight of the model has no initializer that is known here.
    """
    for position, layer in enumerate(_leaves(model)):
        if layer.name in pretrained:
            layer.set_weights(pretrained[layer.name])
        else:
            _initialise_layer(layer, seed=seed, position=position)
    for position, generator in enumerate(_generators(model)):
        state = np.random.SeedSequence([seed, position, 1]).generate_state(1)
        generator.state.assign(np.array([state[0], 0], dtype=generator.state.dtype))


def _initialise_layer(layer: keras.layers.Layer, *, seed: int, position: int) -> None:
    known = {id(weight): name for name in WEIGHTS if (weight := getattr(layer, name, None)) is not None}
    known |= {id(layer._kernel): "kernel"} if hasattr(layer, "_kernel") else {}
    for number, weight in enumerate(layer.weights):
        if id(weight) not in known:
            raise ValueError(f"weight {weight.path} of layer {layer.name} has no known initializer")
        initializer = getattr(layer, f"{known[id(weight)]}_initializer")
        drawn = int(np.random.SeedSequence([seed, position, 0, number]).generate_state(1)[0])
        settings = initializer.get_config()
        if "seed" in settings:
            initializer = type(initializer).from_config(settings | {"seed": drawn})
        weight.assign(initializer(weight.shape, dtype=weight.dtype))


def _leaves(model: keras.Model) -> Iterable[keras.layers.Layer]:
    """The layers that hold weights themselves, in an order that depends on the architecture alone."""
    return [layer for layer in model._flatten_layers(include_self=False) if not layer._layers and layer.weights]


def _generators(model: keras.Model) -> list[keras.random.SeedGenerator]:
    layers = model._flatten_layers(include_self=False)
    return [layer.seed_generator for layer in layers if hasattr(layer, "seed_generator")]
