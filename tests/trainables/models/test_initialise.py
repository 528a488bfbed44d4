"""Fresh weights: of the right kind, and a function of the seed alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from trainables.models.initialise import initialise


def network() -> keras.Model:
    """Every kind of layer that has weights here, and one model inside another."""
    inner_in = keras.Input((8, 8, 6))
    inner = keras.Model(inner_in, keras.layers.DepthwiseConv2D(3, name="depthwise")(inner_in), name="inner")
    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, padding="same", kernel_initializer="he_normal", name="conv")(x)
    x = inner(keras.layers.BatchNormalization(name="norm")(x))
    x = keras.layers.SeparableConv2D(4, 3, name="separable")(x)
    x = keras.layers.Dropout(0.5, name="dropout")(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(300, name="dense")(x))


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return network()


def weights_from(model: keras.Model, seed: int) -> list[np.ndarray]:
    initialise(model, seed=seed, pretrained={})
    return model.get_weights()


def test_the_same_seed_gives_the_same_weights_whatever_came_before(model: keras.Model) -> None:
    first = weights_from(model, 1)
    for weight in model.weights:
        weight.assign(np.full(weight.shape, 9.0))
    for one, other in zip(first, weights_from(model, 1), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(first, weights_from(network(), 1), strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_seed_gives_other_kernels(model: keras.Model) -> None:
    pairs = zip(weights_from(model, 1), weights_from(model, 2), model.weights, strict=True)
    same = {weight.path.split("/")[-1] for one, other, weight in pairs if np.array_equal(one, other)}
    assert same == {"bias", "gamma", "beta", "moving_mean", "moving_variance"}


def test_each_weight_is_drawn_by_its_own_initializer(model: keras.Model) -> None:
    initialise(model, seed=3, pretrained={})
    norm = model.get_layer("norm")
    assert [float(w.numpy().mean()) for w in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)] == [
        1,
        0,
        0,
        1,
    ]
    dense, conv = model.get_layer("dense"), model.get_layer("conv")
    limit = np.sqrt(6 / sum(dense.kernel.shape))  # Glorot uniform
    assert np.abs(dense.kernel.numpy()).max() == pytest.approx(limit, rel=0.01)
    assert conv.kernel.numpy().std() == pytest.approx(np.sqrt(2 / 27), rel=0.25)  # He normal
    assert not dense.bias.numpy().any()


def test_no_two_kernels_of_a_shape_are_alike() -> None:
    layers = [keras.layers.Dense(4, use_bias=False) for _ in range(2)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    one, other = weights_from(model, 0)
    assert not np.array_equal(one, other)


def test_generators_are_rewound_each_to_a_state_of_its_own() -> None:
    layers = [keras.layers.Dropout(0.5) for _ in range(2)]
    model = keras.Sequential([keras.Input((100,)), *layers])
    initialise(model, seed=5, pretrained={})
    ones = np.ones((1, 100))
    first = np.asarray(model(ones, training=True))
    assert not np.array_equal(first, np.asarray(model(ones, training=True)))
    assert not np.array_equal(*(layer.seed_generator.state.numpy() for layer in layers))
    initialise(model, seed=5, pretrained={})
    np.testing.assert_array_equal(first, np.asarray(model(ones, training=True)))


def test_pretrained_weights_are_assigned_instead_of_drawn(model: keras.Model) -> None:
    given = [np.full(weight.shape, 0.25, np.float32) for weight in model.get_layer("conv").weights]
    before = weights_from(model, 1)
    initialise(model, seed=1, pretrained={"conv": given})
    assert all((weight.numpy() == 0.25).all() for weight in model.get_layer("conv").weights)
    for one, other in zip(before[2:], model.get_weights()[2:], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_weight_that_nobody_knows_how_to_draw_is_refused() -> None:
    class Odd(keras.layers.Layer):
        def build(self, shape: tuple[int | None, ...]) -> None:
            self.odd = self.add_weight(shape=(1,), name="odd")

        def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
            return inputs + self.odd

    model = keras.Sequential([keras.Input((1,)), Odd()])
    with pytest.raises(ValueError, match="no known initializer"):
        initialise(model, seed=0, pretrained={})
