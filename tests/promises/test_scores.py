"""Precision, recall and F1 after every epoch: exact, under the names of the final evaluation."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from spaces.config.metric import Metric
from tests.trainables.small import config, digits, fit
from trainables.evaluation import averaged, averages, evaluate
from trainables.training.history import Row
from trainables.training.train import Hooks


@pytest.mark.parametrize("classes", [2, 10, 120])
def test_averages_of_a_confusion_matrix_are_those_of_scikit_learn(classes: int) -> None:
    draw = np.random.default_rng(classes)
    labels, predicted = draw.integers(0, classes - 1, 500), draw.integers(1, classes, 500)  # two classes lack a side
    told = averages(confusion_matrix(labels, predicted, labels=np.arange(classes)))
    for average in ("macro", "weighted"):
        expected = averaged(labels, predicted, np.arange(classes), average)
        assert {name: told[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert len(told) == 6


def test_every_epoch_reports_what_the_evaluation_of_its_model_finds() -> None:
    """Of the second epoch: the counts of the first are forgotten."""
    trained = fit(config({"filters": 8}, optimizer={"learning_rate": 0.01}))
    _, validation = digits()
    probabilities = trained.model().predict(validation.images, verbose=0)
    found = evaluate(probabilities, validation.labels, [str(digit) for digit in range(10)])
    expected = {f"val_{name}": value for name, value in found.metrics.items() if name != "cross_entropy"}
    row = trained.history[-1]
    assert {name: row[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert set(expected) | {"val_loss"} == set(get_args(Metric))


@pytest.mark.parametrize("metric", get_args(Metric))
def test_any_metric_may_be_what_patience_looks_at(metric: Metric) -> None:
    still = {"optimizer": {"learning_rate": 1e-30}, "epochs": 9}
    trained = fit(config(**still, patience=2, min_delta=100.0), metric=metric)
    assert trained.reason == "patience"
    assert len(trained.history) == 3


def test_patience_looks_at_what_the_configuration_names_and_not_at_the_metric_of_the_sweep() -> None:
    rows: list[Row] = []
    hooks = Hooks(on_epoch=lambda row, reason, snapshot: rows.append(row))
    lively = {"optimizer": {"learning_rate": 0.003}, "augmentation": {"strength": 0.0}, "epochs": 12, "patience": 3}
    by_loss = fit(config({"filters": 8}, **lively, monitor="val_loss", batch_size=16), hooks=hooks)
    losses = [row["val_loss"] for row in rows]
    waited = [epoch - int(np.argmin(losses[: epoch + 1])) for epoch in range(len(losses))]
    assert [epoch for epoch, wait in enumerate(waited, start=1) if wait >= 3][:1] == (
        [len(rows)] if by_loss.reason == "patience" else []
    )
