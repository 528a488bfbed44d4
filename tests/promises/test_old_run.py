"""Runs outlive versions: one that an earlier version made and left in its third trial is read, and resumed to its end.

`old_run/` is what Tunehound 0.1.0 had written by then: 2 of 4 trials done, their best and the baseline to be confirmed
with 2 seeds.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from search.report import write_report
from search.results.export import write_best
from search.results.leaderboard import leaderboard
from search.run.confirmation import trainings
from search.run.reader import open_run
from search.tuner.resume import unfinished
from spaces.file.document import read_yaml
from tests.shared_runs import OLD


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "runs" / "old"))


def test_it_is_opened(run: Path) -> None:
    frame = leaderboard(run)
    assert list(frame["trial"]) == [1, 0, 2]
    assert list(frame["state"]) == ["complete", "complete", "unfinished"]
    assert list(frame["reason"]) == ["finished", "finished", ""]
    assert list(frame["epochs"]) == [5, 5, 1]
    assert list(frame["val_accuracy"].round(4)) == [0.934, 0.8785, 0.4132]
    assert list(frame["baseline"]) == [False, True, False]
    assert list(frame["filters"]) == [8, 4, 8]
    assert unfinished(run)


def test_it_is_exported_as_it_was_then(run: Path) -> None:
    then, now = read_yaml(OLD / "best.yaml"), read_yaml(write_best(run, run / "again.yaml"))
    then["provenance"].pop("created")
    assert {section: {key: now[section][key] for key in keys} for section, keys in then.items()} == then
    assert now["provenance"]["created"]


def test_it_is_reported(run: Path) -> None:
    page = write_report(run).read_text(encoding="utf-8")
    assert "Trial 1 reaches val_accuracy 0.9340" in page
    assert "Plotly.newPlot" in page


def test_it_is_resumed_to_its_end_and_what_was_done_stays(old_run: Path) -> None:
    for file in ("trials/0/history.csv", "trials/0/config.yaml", "trials/1/history.csv", "trials/1/config.yaml"):
        assert (old_run / file).read_bytes() == (OLD / file).read_bytes()
    for file in ("study.journal", "trials/2/history.csv"):
        assert (old_run / file).read_bytes().startswith((OLD / file).read_bytes())
    opened = open_run(old_run)
    assert [trial.state.is_finished() for trial in opened.trials] == [True] * 4
    before = open_run(OLD).trials[:2]
    assert [repr(trial) for trial in opened.trials[:2]] == [repr(trial) for trial in before]
    assert sorted(each.seed for each in trainings(opened.notes) if each.trial == 0) == [1, 2]
    assert len(next(iter(opened.scores.values())).by_seed) == 2
    assert not unfinished(old_run)
    assert (old_run / "report.html").is_file()
    assert read_yaml(old_run / "best.yaml")["provenance"]["seeds"] == (1, 2)
