"""Patience, divergence and interruption, epoch by epoch."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest

from spaces.config.metric import Metric
from tests.trainables import small
from tests.trainables.small import config, fit
from trainables.training import steps
from trainables.training import train as training
from trainables.training.early_stopping import Interrupted, Reporter
from trainables.training.history import Row, epochs_without_gain
from trainables.training.train import Hooks

TINY_RATE = {"learning_rate": 1e-30}
HUGE_RATE = {"learning_rate": 1e38}


@pytest.fixture
def short_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step is a call of its own, as slow steps are."""
    monkeypatch.setattr(steps, "CALL_S", 0.0)
    training._kept.clear()


def reporter(values: list[Any], *, metric: str = "val_accuracy", **options: Any) -> Reporter:
    """One that notes in ``values`` each row and the reason told with it."""
    return Reporter(
        history=[],
        rate=lambda history: 0.5,
        last_epoch=10,
        metric=metric,
        monitor=[metric],
        on_epoch=lambda row, reason: values.append((row, reason)),
        **{"patience": None, "patience_from": 1, "min_delta": 0.0, **options},
    )


def follow(values: list[float], metric: str = "val_accuracy", **options: Any) -> list[Any]:
    """The reason told with each of the epochs in which the metric took these values, until one ends the run."""
    told: list[tuple[Row, Any]] = []
    follower = reporter(told, metric=metric, **options)
    for value in values:
        follower.epoch({"loss": 1.0, metric: value}, rate=follower.rate(), seconds=0.1)
        if follower.reason is not None:
            break
    return [reason for _, reason in told]


def test_patience_ends_a_run_after_so_many_epochs_without_gain() -> None:
    assert follow([0.1, 0.3, 0.2, 0.3, 0.9], patience=2) == [None, None, None, "patience"]


def test_a_gain_starts_the_wait_anew() -> None:
    assert follow([0.3, 0.2, 0.4, 0.3, 0.2, 0.9], patience=2)[-1] == "patience"
    assert len(follow([0.3, 0.2, 0.4, 0.3, 0.2, 0.9], patience=2)) == 5


def test_a_gain_of_at_most_min_delta_counts_as_none() -> None:
    values = [0.10, 0.15, 0.18, 0.25]
    assert follow(values, patience=2, min_delta=0.1) == [None, None, "patience"]
    assert follow(values, patience=2, min_delta=0.01) == [None] * 4


def test_less_is_better_for_a_loss() -> None:
    assert follow([3.0, 2.0, 1.0], metric="val_loss", patience=1) == [None] * 3
    assert follow([1.0, 2.0, 3.0], metric="val_loss", patience=1) == [None, "patience"]


def test_without_patience_a_run_ends_at_its_last_epoch() -> None:
    assert follow([0.5] * 10) == [None] * 9 + ["finished"]


def test_epochs_before_the_stage_spend_no_patience_but_their_values_count() -> None:
    """Three epochs of the head; then two must pass, although the best was in the first."""
    assert follow([0.9] + [0.5] * 9, patience=2, patience_from=4) == [None] * 4 + ["patience"]


def test_the_wait_is_counted_from_the_last_gain() -> None:
    assert epochs_without_gain([], maximise=True) == 0
    assert epochs_without_gain([0.1, 0.2, 0.2, 0.1], maximise=True) == 2
    assert epochs_without_gain([0.1, 0.2, 0.2, 0.05], maximise=False) == 0


def test_a_nan_in_validation_alone_diverges_and_the_metric_is_nan_whatever_was_measured() -> None:
    rows: list[tuple[Row, Any]] = []
    follower = reporter(rows, patience=3)
    follower.epoch({"loss": 1.0, "val_loss": math.nan, "val_accuracy": 0.1}, rate=0.5, seconds=0.1)
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
    trained = fit(config(optimizer=HUGE_RATE, batch_size=20, epochs=3), metric="val_loss")
    assert trained.reason == "diverged"
    assert int(trained.built.optimizer.iterations.numpy()) < 10
    (row,) = trained.history
    assert math.isnan(row["val_loss"])
    assert row["epoch"] == 1


def test_weights_that_break_in_the_last_step_show_in_validation() -> None:
    trained = fit(config(optimizer=HUGE_RATE, batch_size=200, epochs=3))
    assert trained.reason == "diverged"
    (row,) = trained.history
    assert math.isfinite(row["loss"])
    assert math.isnan(row["val_accuracy"])


@pytest.mark.parametrize("at", [1, 2, 5, 9])
def test_an_interruption_stops_between_two_calls_and_leaves_the_epoch_out(at: int, short_calls: None) -> None:
    asked: list[int] = []

    def interrupted() -> bool:
        asked.append(len(asked))
        return len(asked) == at

    told: list[float] = []
    hooks = Hooks(on_epoch=lambda row, reason, snapshot: told.append(row["epoch"]), interrupted=interrupted)
    with pytest.raises(Interrupted):
        fit(config(batch_size=40, epochs=3), hooks=hooks)
    assert len(asked) == at
    assert told == list(range(1, 1 + (at - 1) // 6))  # five steps of training and one of validation an epoch


def test_a_row_names_the_epoch_its_rate_and_its_seconds() -> None:
    row = fit(config(optimizer={"learning_rate": 0.003})).history[-1]
    assert set(row) == {"epoch", "accuracy", "top5_accuracy", "seconds", *small.MEASURED, *get_args(Metric)}
    assert row["epoch"] == 2
    assert row["learning_rate"] == 0.003
