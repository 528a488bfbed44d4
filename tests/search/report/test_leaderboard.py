"""The leaderboard of the report once the best are confirmed."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage

from search.report.leaderboard import leaderboard_part, seeds_figure
from search.results.leaderboard import leaderboard
from search.run.journal import OwnJournal
from search.run.reader import open_run
from tests.search.runs import make_run


def confirmed(directory: Path) -> Path:
    """Trial 1 and the baseline, 0, on three seeds."""
    make_run(directory)
    study = optuna.load_study(study_name="digits-1", storage=JournalStorage(OwnJournal(directory / "study.journal")))
    study.set_user_attr("confirming", {"trials": [1, 0], "seeds": [1, 2, 3], "overlap": 0.1})
    known = {"best_epoch": 2, "epochs": 3, "seconds": 1.0, "told": ""}
    for trial, seed, value in ((1, 1, 0.94), (1, 2, 0.96), (1, 3, 0.95), (0, 1, 0.9), (0, 2, 0.91), (0, 3, 0.92)):
        study.set_user_attr(f"confirm:{trial}:{seed}", known | {"value": value, "reason": "finished"})
    return directory


def test_every_seed_is_a_dot_and_the_mean_a_line(tmp_path: Path) -> None:
    run = open_run(confirmed(tmp_path / "run"))
    figure = seeds_figure(run, leaderboard(run.directory))
    assert figure is not None
    first, second = (0.94, 0.96, 0.95), (0.9, 0.91, 0.92)
    means = pytest.approx((0.95,)), pytest.approx((0.91,))
    assert [trace.x for trace in figure.data] == [second, means[1], first, means[0]]


def test_a_tie_with_the_first_is_marked(tmp_path: Path) -> None:
    run = open_run(confirmed(tmp_path / "run"))
    frame = leaderboard(run.directory)
    frame["tied"] = frame["rank"] == 2
    frame.loc[frame["rank"] <= 2, ["mean", "sd", "seeds"]] = [0.9, 0.01, 2]
    told = leaderboard_part(run, frame)
    assert ">2 =</td>" in told
    assert ">1 =</td>" not in told
    assert "cannot be told apart from the first" in told
