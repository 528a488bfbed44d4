"""Learning rates as computed by hand, and optimizers that read their settings from variables."""

from __future__ import annotations

import math
from itertools import pairwise

import keras
import numpy as np
import pytest

import tests.trainables.small  # noqa: F401 - settles the threads
from spaces.config.trial import Constant, Cosine, Exponential, Optimizer, Plateau, Product
from trainables.training.optimizer import make, schedule


def factors(settings, losses: list[float], *, learning_rate: float = 0.1, epochs: int = 0) -> list[float]:
    """The factor of the first epoch, of the one after the first loss, and so on."""
    rule = schedule(settings, learning_rate=learning_rate, epochs=epochs or len(losses) + 1)
    return [rule(losses[:seen]) for seen in range(len(losses) + 1)]


def test_a_constant_rate_stays() -> None:
    assert factors(Constant(), [3.0, 2.0, 9.0]) == [1, 1, 1, 1]


def test_a_plateau_lowers_the_rate_after_patience_epochs_without_a_lower_loss() -> None:
    settings = Plateau(kind="plateau", factor=0.5, patience=2)
    losses = [3.0, 2.0, 2.0, 2.5, 2.4, 1.9, 1.95, 1.99]
    #       best  best  wait  fall  wait  best  wait  fall
    assert factors(settings, losses) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25]


def test_a_plateau_never_falls_below_the_minimum() -> None:
    settings = Plateau(kind="plateau", factor=0.1, patience=1, min_learning_rate=0.004)
    assert factors(settings, [1.0, 1.0, 1.0]) == [1, 1, pytest.approx(0.1), pytest.approx(0.04)]


def test_a_plateau_never_raises_a_rate_that_starts_below_the_minimum() -> None:
    settings = Plateau(kind="plateau", factor=0.5, patience=1, min_learning_rate=1.0)
    assert factors(settings, [1.0, 1.0, 1.0], learning_rate=0.1) == [1, 1, 1, 1]


def test_exponential_decay_starts_after_its_flat_epochs() -> None:
    settings = Exponential(kind="exponential", decay=0.1, after=2)
    assert factors(settings, [0.0] * 4) == pytest.approx([1, 1, 1, math.exp(-0.1), math.exp(-0.2)])


def test_cosine_warms_up_linearly_then_follows_half_a_cosine() -> None:
    settings = Cosine(kind="cosine", warmup=2)
    by_hand = [1 / 3, 2 / 3, 1, 0.5 * (1 + math.cos(math.pi / 4)), 0.5, 0.5 * (1 + math.cos(3 * math.pi / 4))]
    told = factors(settings, [0.0] * 5, epochs=6)
    assert told == pytest.approx(by_hand)
    assert all(one > other for one, other in pairwise(told[2:]))


def test_a_product_multiplies_its_schedules() -> None:
    """A rate that halves on a plateau and decays from the third epoch on, as a hand-tuned study had both."""
    plateau, exponential = Plateau(patience=1), Exponential(decay=0.1, after=1)
    losses = [2.0, 2.0, 1.0, 1.0]
    both = Product(kind="product", plateau=plateau, exponential=exponential)
    expected = np.multiply(factors(plateau, losses), factors(exponential, losses))
    assert factors(both, losses) == pytest.approx(expected)
    assert factors(both, losses)[-1] == pytest.approx(0.25 * math.exp(-0.3))


RULES = {
    "adam": {},
    "adamw": {"weight_decay": 0.1},
    "rmsprop": {"momentum": 0.5},
    "sgd": {"momentum": 0.5},
    "sgd-nesterov": {"momentum": 0.5, "nesterov": True},
}


def settings(name: str, **more: float) -> Optimizer:
    return Optimizer.model_validate({"name": name.split("-")[0], **RULES[name], **more})


@pytest.mark.parametrize("name", RULES)
def test_each_name_makes_its_optimizer(name: str) -> None:
    decay = keras.Variable(0.0, trainable=False)
    made = make(settings(name, learning_rate=0.01), weight_decay=decay)
    assert type(made).__name__.lower() == name.split("-")[0]
    assert float(made.learning_rate) == pytest.approx(0.01)
    assert (made.weight_decay is decay) == (name == "adamw")
    if "momentum" in RULES[name]:
        assert made.momentum == 0.5


@pytest.mark.parametrize(
    ("name", "stock"),
    [
        ("adam", keras.optimizers.Adam(0.1)),
        ("adamw", keras.optimizers.AdamW(0.1, weight_decay=0.3)),
        ("rmsprop", keras.optimizers.RMSprop(0.1, momentum=0.5)),
        ("sgd", keras.optimizers.SGD(0.1, momentum=0.5)),
        ("sgd-nesterov", keras.optimizers.SGD(0.1, momentum=0.5, nesterov=True)),
    ],
)
def test_each_optimizer_steps_as_that_of_keras_bit_for_bit(name: str, stock: keras.optimizers.Optimizer) -> None:
    """Its updates are ours, through two private methods of Keras; this test guards them."""
    assert {"_backend_update_step", "_apply_weight_decay"} <= set(dir(stock))
    ours = make(settings(name, learning_rate=0.1), weight_decay=keras.Variable(0.3))
    results = []
    for optimizer in (ours, stock):
        variables = [keras.Variable([1.0, -2.0]), keras.Variable([[3.0]])]
        for step in range(1, 4):
            optimizer.apply([np.array([0.5, -0.1 * step], np.float32), np.array([[1.0 / step]], np.float32)], variables)
        results.append([variable.numpy().ravel().tolist() for variable in variables])
    assert results[0] == results[1]
