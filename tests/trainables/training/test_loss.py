"""The loss: smoothed labels and weighted classes, from variables, in training alone."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from spaces.config.trial import Training
from tests.trainables.small import config, digits, fit, measured
from tests.trainables.training.test_train import traces
from trainables.dataset import Images
from trainables.training.loss import Loss, class_weights
from trainables.training.train import train

STILL = {"optimizer": {"learning_rate": 1e-30}, "epochs": 1, "augmentation": {"strength": 0.0}}
LABELS = np.array([0, 2, 1, 2], np.int64)
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25]], np.float32)


def loss(*, smoothing: float = 0.0, weights: Any = (1.0, 1.0, 1.0)) -> float:
    made = Loss(smoothing=keras.Variable(smoothing), weights=keras.Variable(np.array(weights, np.float32)))
    return float(made(LABELS, PROBABILITIES))


def unbalanced() -> Images:
    """Eighty digits, most of them below five."""
    images, _ = digits()
    kept = np.concatenate([np.flatnonzero(images.labels < 5)[:70], np.flatnonzero(images.labels >= 5)[:20]])
    return Images(images.images[kept], images.labels[kept])


def test_without_smoothing_and_weights_it_is_the_cross_entropy_of_keras() -> None:
    assert loss() == float(keras.losses.SparseCategoricalCrossentropy()(LABELS, PROBABILITIES))


def test_smoothing_is_that_of_keras() -> None:
    stock = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)
    assert loss(smoothing=0.2) == pytest.approx(float(stock(np.eye(3)[LABELS], PROBABILITIES)), rel=1e-6)


def test_each_image_counts_by_the_weight_of_its_class() -> None:
    by_hand = -np.log(PROBABILITIES[np.arange(4), LABELS]) * np.array([3.0, 0.5, 1.0, 0.5])
    assert loss(weights=(3.0, 1.0, 0.5)) == pytest.approx(by_hand.mean(), rel=1e-6)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    labels = np.repeat(np.arange(3), (50, 30, 20)).astype(np.int64)
    balanced, even = (Training(epochs=1, class_weight=kind) for kind in ("balanced", "none"))
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights(labels, balanced, classes=3), expected, rtol=1e-6)
    np.testing.assert_array_equal(class_weights(labels, even, classes=3), np.ones(3))


def test_a_class_without_images_does_not_spoil_the_others() -> None:
    weights = class_weights(np.array([0, 0, 2], np.int64), Training(epochs=1, class_weight="balanced"), classes=3)
    np.testing.assert_allclose(weights, [0.75, 1.0, 1.5])


def test_smoothing_acts_in_training_alone_and_needs_no_new_graph() -> None:
    plain = fit(config(**STILL))
    graphs, expected = traces(plain), plain.history[-1]
    smooth = fit(config(**STILL, label_smoothing=0.4))
    assert smooth.built is plain.built
    assert traces(plain) == graphs
    assert smooth.history[-1]["loss"] != pytest.approx(expected["loss"], rel=1e-3)
    assert smooth.history[-1]["val_loss"] == expected["val_loss"]


def test_class_weights_act_in_training_alone_need_no_new_graph_and_leave_with_their_trial() -> None:
    images, (_, validation) = unbalanced(), digits()

    def trained(**training: Any) -> Any:
        return train(config(**STILL, **training), images, validation, classes=10)

    plain = trained()
    graphs, expected = traces(plain), measured(plain)
    balanced = trained(class_weight="balanced")
    assert balanced.built is plain.built
    assert traces(plain) == graphs
    assert balanced.history[-1]["loss"] != plain.history[-1]["loss"]
    assert balanced.history[-1]["val_loss"] == plain.history[-1]["val_loss"]
    assert measured(trained()) == expected
