"""Patience, divergence and interruption, epoch by epoch, on a model that was really compiled."""

from __future__ import annotations

import math
from typing import Any, get_args

import keras
import pytest

from spaces.metric import Metric
from tests.trainables import small
from tests.trainables.small import config, fit
from trainables.callback import Diverged, Interrupted, Reporter
from trainables.history import Row, epochs_without_gain
from trainables.training import Hooks

TINY_RATE = {"learning_rate": 1e-30}
HUGE_RATE = {"learning_rate": 1e38}


@pytest.fixture(scope="module")
def model() -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def follow(model: keras.Model, values: list[float], metric: str = "val_accuracy", **options: Any) -> list[Any]:
    """The reason told with each of the epochs in which the metric took these values, until one ends the run."""
    told: list[Any] = []
    reporter = Reporter(
        history=[],
        rate=lambda history: 0.5,
        last_epoch=10,
        metric=metric,
        monitor=[metric],
        on_epoch=lambda row, reason: told.append(reason),
        interrupted=lambda: False,
        **{"patience": None, "patience_from": 1, "min_delta": 0.0, **options},
    )
    reporter.set_model(model)
    model.stop_training = False
    for epoch, value in enumerate(values):
        reporter.on_epoch_begin(epoch)
        reporter.on_epoch_end(epoch, {"loss": 1.0, "val_cross_entropy": value, metric: value})
        if model.stop_training:
            break
    return told


def test_patience_ends_a_run_after_so_many_epochs_without_gain(model: keras.Model) -> None:
    assert follow(model, [0.1, 0.3, 0.2, 0.3, 0.9], patience=2) == [None, None, None, "patience"]


def test_a_gain_starts_the_wait_anew(model: keras.Model) -> None:
    assert follow(model, [0.3, 0.2, 0.4, 0.3, 0.2, 0.9], patience=2)[-1] == "patience"
    assert len(follow(model, [0.3, 0.2, 0.4, 0.3, 0.2, 0.9], patience=2)) == 5


def test_a_gain_of_at_most_min_delta_counts_as_none(model: keras.Model) -> None:
    values = [0.10, 0.15, 0.18, 0.25]
    assert follow(model, values, patience=2, min_delta=0.1) == [None, None, "patience"]
    assert follow(model, values, patience=2, min_delta=0.01) == [None] * 4


def test_less_is_better_for_a_loss(model: keras.Model) -> None:
    assert follow(model, [3.0, 2.0, 1.0], metric="val_loss", patience=1) == [None] * 3
    assert follow(model, [1.0, 2.0, 3.0], metric="val_loss", patience=1) == [None, "patience"]


def test_without_patience_a_run_ends_at_its_last_epoch(model: keras.Model) -> None:
    assert follow(model, [0.5] * 10) == [None] * 9 + ["finished"]


def test_epochs_before_the_stage_spend_no_patience_but_their_values_count(model: keras.Model) -> None:
    """Three epochs of the head; then two must pass, although the best was in the first."""
    assert follow(model, [0.9] + [0.5] * 9, patience=2, patience_from=4) == [None] * 4 + ["patience"]


def test_the_wait_is_counted_from_the_last_gain() -> None:
    assert epochs_without_gain([], maximise=True) == 0
    assert epochs_without_gain([0.1, 0.2, 0.2, 0.1], maximise=True) == 2
    assert epochs_without_gain([0.1, 0.2, 0.2, 0.05], maximise=False) == 0


def test_a_nan_in_validation_alone_diverges_and_the_metric_is_nan_whatever_was_measured(model: keras.Model) -> None:
    rows: list[tuple[Row, Any]] = []
    reporter = Reporter(
        history=[],
        rate=lambda history: 0.5,
        last_epoch=10,
        metric="val_accuracy",
        monitor=["val_accuracy"],
        patience=3,
        patience_from=1,
        min_delta=0.0,
        on_epoch=lambda row, reason: rows.append((row, reason)),
        interrupted=lambda: False,
    )
    reporter.set_model(model)
    reporter.on_epoch_begin(0)
    with pytest.raises(Diverged):
        reporter.on_epoch_end(0, {"loss": 1.0, "val_cross_entropy": math.nan, "val_accuracy": 0.1})
    ((row, reason),) = rows
    assert reason == "diverged"
    assert math.isnan(row["val_accuracy"])
    assert math.isnan(row["val_loss"])
    assert row["loss"] == 1.0


def test_a_trial_that_never_improves_ends_by_its_patience() -> None:
    trained = fit(config(optimizer=TINY_RATE, epochs=9, patience=2))
    assert trained.reason == "patience"
    assert len(trained.history) == 3


def test_a_loss_of_nan_stops_within_the_epoch_and_the_row_holds_nan_for_the_metric() -> None:
    batches: list[None] = []
    hooks = Hooks(interrupted=lambda: bool(batches.append(None)))
    trained = fit(config(optimizer=HUGE_RATE, batch_size=20, epochs=3), hooks=hooks, metric="val_loss")
    assert trained.reason == "diverged"
    assert len(batches) < 10
    (row,) = trained.history
    assert math.isnan(row["val_loss"])
    assert row["epoch"] == 1


def test_weights_that_break_in_the_last_step_show_in_validation() -> None:
    trained = fit(config(optimizer=HUGE_RATE, batch_size=200, epochs=3))
    assert trained.reason == "diverged"
    (row,) = trained.history
    assert math.isfinite(row["loss"])
    assert math.isnan(row["val_accuracy"])


def test_an_interruption_stops_at_the_next_batch_and_leaves_the_epoch_out() -> None:
    asked: list[int] = []

    def interrupted() -> bool:
        asked.append(len(asked))
        return len(asked) == 12  # in validation of the first epoch, or early in the second

    told: list[float] = []
    hooks = Hooks(on_epoch=lambda row, reason, snapshot: told.append(row["epoch"]), interrupted=interrupted)
    with pytest.raises(Interrupted):
        fit(config(batch_size=20, epochs=3), hooks=hooks)
    assert len(asked) == 12
    assert told == [1]


def test_a_row_names_the_epoch_its_rate_and_its_seconds() -> None:
    row = fit(config(optimizer={"learning_rate": 0.003})).history[-1]
    assert set(row) == {"epoch", "accuracy", "top5_accuracy", "seconds", *small.MEASURED, *get_args(Metric)}
    assert row["epoch"] == 2
    assert row["learning_rate"] == 0.003
