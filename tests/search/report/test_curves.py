"""Learning curves and rungs."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.trial import TrialState

from search.report import curves
from search.report.plot import drawn
from search.results.leaderboard import leaderboard
from search.run.reader import open_run
from tests.search.runs import SMALL, TrialRecord, make_run

STOPPED = {"state": TrialState.PRUNED, "reason": "asha"}


def test_no_more_curves_are_drawn_than_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "CURVES", 20)
    trials = [TrialRecord(curve=[0.5 + 7 * number % 45 / 100], baseline=number == 0) for number in range(45)]
    run = open_run(make_run(tmp_path / "run", trials))
    shown = drawn(run, 20)
    assert len(shown) <= 20
    assert {0, 32} <= {trial.number for trial in shown}  # the baseline and the best
    assert f"{len(shown)} of 45 trials are drawn" in curves.curves_part(run, leaderboard(run.directory))


def test_a_stopped_curve_ends_in_a_cross_and_a_finished_one_does_not(tmp_path: Path) -> None:
    figure = curves.learning_curves(open_run(make_run(tmp_path / "run", [*SMALL, TrialRecord(curve=[0.1, 0.2])])))
    assert figure is not None
    crosses = {trace.name: (trace.x, trace.y) for trace in figure.data if trace.marker.symbol == "x"}
    assert crosses == {"stopped-early": ((1,), (0.5,)), "diverged": ((1,), (0.97,))}


def test_a_long_curve_is_thinned_out_and_keeps_its_last_epoch(tmp_path: Path) -> None:
    run = open_run(make_run(tmp_path / "run", [TrialRecord(curve=[epoch / 1000 for epoch in range(1, 252)])]))
    known = curves.points(run.trials[0])
    assert len(known) <= curves.POINTS
    assert list(known)[-1] == 251


def test_a_rung_tells_how_many_reached_it_were_stopped_there_and_went_on(tmp_path: Path) -> None:
    trials = [
        TrialRecord(curve=[0.9] * 3),
        TrialRecord(curve=[0.8], **STOPPED),
        TrialRecord(curve=[0.8], **STOPPED),
        TrialRecord(curve=[0.7] * 3),
    ]
    run = open_run(make_run(tmp_path / "run", trials))
    told = curves.rungs_part(run, leaderboard(run.directory))
    assert "<td>1</td><td>4</td><td>2</td><td>2</td>" in told
    assert "<td>3 (last)</td><td>2</td>" in told


@pytest.mark.parametrize(("epochs", "step"), [(1, 1), (3, 1), (13, 1), (14, None), (300, None)])
def test_every_tick_of_the_epochs_is_whole(epochs: int, step: int | None, tmp_path: Path) -> None:
    figure = curves.learning_curves(open_run(make_run(tmp_path / "run", [TrialRecord(curve=[0.5] * epochs)])))
    assert figure is not None
    assert figure.layout.xaxis.dtick == step
