"""Importances, slices and parallel coordinates."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from optuna.trial import TrialState

from search.report import hyperparameters
from search.run.reader import open_run
from tests.search.report.test_write import many
from tests.search.runs import SMALL, Told, make_run


def test_importance_is_told_only_where_enough_trials_are_there(tmp_path: Path) -> None:
    assert hyperparameters.importances(open_run(make_run(tmp_path / "few", many(7)))) is None
    figure = hyperparameters.importances(open_run(make_run(tmp_path / "enough", many(12))))
    assert figure is not None
    assert [sum(trace.x) for trace in figure.data] == pytest.approx([1.0, 1.0])


def test_importance_at_the_first_rung_counts_the_trials_that_were_stopped_there(tmp_path: Path) -> None:
    stopped = [
        Told(curve=told.curve[:1], params=told.params, state=TrialState.PRUNED, reason="asha") for told in many(24)[12:]
    ]
    figure = hyperparameters.importances(open_run(make_run(tmp_path / "run", [*many(12), *stopped, *SMALL[3:5]])))
    assert figure is not None
    assert {trace.name for trace in figure.data} == {"at epoch 1 (25 trials)", "finished (12 trials)"}


def test_the_side_by_side_figure_places_a_branch_not_taken_below_its_axis(tmp_path: Path) -> None:
    taken = Told(curve=[0.8], params={"model.l2": "on", "model.l2.on": 1e-3})
    figure = hyperparameters.parallel_coordinates(open_run(make_run(tmp_path / "run", [SMALL[0], taken])))
    assert figure is not None
    axis = next(axis for axis in figure.data[0].dimensions if axis.label == "l2.on")
    assert "–" in axis.ticktext
    assert math.log10(1e-3) in axis["values"]


def test_a_slice_shows_every_trial_that_took_the_branch(tmp_path: Path) -> None:
    run = open_run(make_run(tmp_path / "run"))
    trials = [trial for trial in run.trials if trial.intermediate_values]
    figure = hyperparameters.slice_of(run, trials, "model.l2.on")
    assert figure is not None
    assert figure.layout.xaxis.type == "log"
    assert (figure.data[0].x, figure.data[0].y) == (pytest.approx((1e-4,)), (0.65,))
