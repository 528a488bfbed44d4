"""What a model knows of its data, and the stock copy of a trained one."""

from __future__ import annotations

import numpy as np
import pytest

from spaces.problem import InputError
from tests.trainables.small import config, fit, mobilenet
from trainables.dataset import Images
from trainables.training.build import Inputs, build, set_values


def test_statistics_equal_those_of_numpy() -> None:
    images = np.random.default_rng(0).integers(0, 256, (300, 5, 7, 3), dtype=np.uint8)
    inputs = Inputs.of(Images(images, np.zeros(300, np.int64)), classes=4)
    assert inputs.shape == (5, 7, 3)
    np.testing.assert_allclose(inputs.mean, images.mean(axis=(0, 1, 2), dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(inputs.variance, images.var(axis=(0, 1, 2), dtype=np.float64), rtol=1e-12)


def test_a_channel_that_never_varies_is_not_divided_by_zero() -> None:
    images = np.full((3, 4, 4, 1), 7, np.uint8)
    inputs = Inputs.of(Images(images, np.zeros(3, np.int64)), classes=10)
    assert (inputs.mean, inputs.variance) == ((7.0,), (1.0,))
    built = build(config(), Inputs(shape=(8, 8, 1), classes=10, mean=inputs.mean, variance=inputs.variance))
    set_values(built, config())
    assert np.isfinite(built.model(np.full((1, 8, 8, 1), 7.0))).all()


def test_the_seed_alone_decides_the_first_weights_and_the_optimizer_starts_without_memory() -> None:
    trained = fit(config(seed=5))
    assert any(np.asarray(v).any() for v in trained.built.optimizer.variables)
    set_values(trained.built, config(seed=6))
    assert not any(np.asarray(v).any() for v in trained.built.optimizer.variables)
    fresh = build(config(), trained.built.inputs)
    set_values(fresh, config(seed=6))
    for one, other in zip(fresh.model.variables, trained.built.model.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_stock_copy_stays_as_it_is_while_the_model_trains_on() -> None:
    trained = fit(config())
    stock = trained.model()
    before = stock.get_weights()
    fit(config(seed=7))
    for one, other in zip(before, stock.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_unknown_backbone_is_refused_with_the_nearest_known_name() -> None:
    settings = config(mobilenet(backbone="mobilnet_v2"))
    with pytest.raises(InputError, match=r"no such backbone.*mobilnet_v2[\s\S]*did you mean mobilenet_v2"):
        build(settings, Inputs(shape=(8, 8, 1), classes=10, mean=(1.0,), variance=(1.0,)))
