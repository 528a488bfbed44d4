"""How important each hyperparameter was, and whether enough trials say so."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.trial import TrialState

from search.report import importance
from search.results.leaderboard import leaderboard
from search.run.reader import open_run
from tests.search.report.test_write import many
from tests.search.runs import SMALL, TrialRecord, make_run


def test_importance_is_told_only_where_enough_trials_are_there(tmp_path: Path) -> None:
    assert importance.importances(open_run(make_run(tmp_path / "few", many(7)))) is None
    figure = importance.importances(open_run(make_run(tmp_path / "enough", many(12))))
    assert figure is not None
    assert [sum(trace.x) for trace in figure.data] == pytest.approx([1.0, 1.0])


def test_importance_at_the_first_rung_counts_the_trials_that_were_stopped_there(tmp_path: Path) -> None:
    stopped = [
        TrialRecord(curve=told.curve[:1], params=told.params, state=TrialState.PRUNED, reason="asha")
        for told in many(24)[12:]
    ]
    figure = importance.importances(open_run(make_run(tmp_path / "run", [*many(12), *stopped, *SMALL[3:5]])))
    assert figure is not None
    assert {trace.name for trace in figure.data} == {"at epoch 1 (25 trials)", "finished (12 trials)"}


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (7, "at least 8 different trials must have reached the first rung or finished; 7 have"),
        (12, "From 12 and 12 trials for 5 hyperparameters the shares are rough"),
        (50, None),
    ],
)
def test_the_page_says_from_how_few_trials_it_speaks(count: int, words: str | None, tmp_path: Path) -> None:
    run = open_run(make_run(tmp_path / "run", many(count)))
    told = importance.importance_part(run, leaderboard(run))
    assert words is None or words in told
    assert ("rough" in told) == (count == 12)


def test_the_number_of_trials_is_in_the_legend_of_a_figure_with_one_kind_too(tmp_path: Path) -> None:
    stopped = [
        TrialRecord(curve=told.curve[:1], params=told.params, state=TrialState.PRUNED, reason="asha")
        for told in many(12)
    ]
    figure = importance.importances(open_run(make_run(tmp_path / "run", stopped)))
    assert figure is not None
    assert [trace.name for trace in figure.data] == ["at epoch 1 (12 trials)"]
    assert figure.layout.showlegend
