"""Importances, slices and parallel coordinates."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from search.report import hyperparameters
from search.run.reader import open_run
from tests.search.runs import SMALL, TrialRecord, make_run


def test_the_side_by_side_figure_places_a_branch_not_taken_below_its_axis(tmp_path: Path) -> None:
    taken = TrialRecord(curve=[0.8], params={"model.l2": "on", "model.l2.on": 1e-3})
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


@pytest.mark.parametrize(
    ("places", "log", "ticks"),
    [
        ([8, 16, 32], False, ["8", "16", "32"]),
        ([1.0, 3.25, 5.6, 7.75, 10.0], False, ["1", "3", "6", "8", "10"]),
        ([0.0, 0.5, 1.0, 1.5], True, ["1", "3", "10", "32"]),
        ([0.0, 0.1], True, ["1"]),
    ],
)
def test_an_axis_of_whole_numbers_has_whole_ticks(places: list[float], log: bool, ticks: list[str]) -> None:
    found = hyperparameters.whole_places(places, log=log)
    assert list(found.values()) == ticks
    assert [10**place if log else place for place in found] == pytest.approx(list(map(float, ticks)))


def test_the_slice_of_an_integer_has_whole_ticks(tmp_path: Path) -> None:
    run = open_run(make_run(tmp_path / "run"))
    trials = [trial for trial in run.trials if trial.intermediate_values]
    figure = hyperparameters.slice_of(run, trials, "model.filters")
    assert figure is not None
    assert (figure.layout.xaxis.tickvals, figure.layout.xaxis.ticktext) == ((16.0, 32.0), ("16", "32"))
