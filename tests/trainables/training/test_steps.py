"""Many steps a call, in whatever portions, from memory or from a stream: the same training, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from tensorflow.python.eager import context

from tests.trainables.small import config, digits, fit, measured
from trainables.dataset import StreamedImages
from trainables.training import steps
from trainables.training import train as training

SETTINGS = config({"dropout": 0.3}, augmentation={"strength": 0.5}, batch_size=32, epochs=3)


@pytest.fixture(autouse=True)
def _no_kept_models() -> None:
    training._kept.clear()


def test_it_makes_no_difference_how_many_steps_a_call_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    many = measured(fit(SETTINGS))
    training._kept.clear()
    monkeypatch.setattr(steps, "CALL_S", 0.0)
    assert measured(fit(SETTINGS)) == many


def test_streamed_parts_train_like_those_in_memory() -> None:
    images, validation = digits()
    in_memory = measured(fit(SETTINGS))
    training._kept.clear()
    first, second = (StreamedImages(part.labels, part.image_shape, part.read) for part in (images, validation))
    assert measured(training.train(SETTINGS, first, second, classes=10)) == in_memory


def test_the_confusion_matrix_counts_every_image_of_validation_once() -> None:
    trained = fit(SETTINGS)
    _, validation = digits()
    means, confusion = trained.built.steps[True].evaluate(validation, heed=lambda: None)
    assert np.array_equal(confusion.sum(axis=1), np.bincount(validation.labels, minlength=10))
    assert confusion.trace() / confusion.sum() == pytest.approx(means["accuracy"])
    _, again = trained.built.steps[True].evaluate(validation, heed=lambda: None)
    assert np.array_equal(again, confusion)


def test_a_warm_trial_leaves_the_global_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting it empties TensorFlow's cache of kernels, and the next step of every graph is slow once more."""
    first = fit(SETTINGS)
    monkeypatch.setattr(context.Context, "_set_global_seed", None)
    assert measured(fit(SETTINGS)) == measured(first)
