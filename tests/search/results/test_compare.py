"""Several runs against each other, a line each."""

from __future__ import annotations

import io
import json
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from rich.console import Console

from search.cli.table import run_table
from search.results.compare import comparison
from search.results.leaderboard import compared, labels
from search.run.journal import OwnJournal
from search.run.reader import open_run
from tests.search.commands import called
from tests.search.report.test_leaderboard import confirmed
from tests.search.runs import SMALL, TrialRecord, make_run


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """One confirmed and retrained, one better by a single seed, one without a baseline or a result."""
    first = confirmed(tmp_path / "first")
    (first / "retrained").mkdir()
    scores = {"accuracy": 0.91, "cross_entropy": 0.31, "epochs": 3, "mean": {"accuracy": 0.9}, "sd": {"accuracy": 0.01}}
    (first / "retrained" / "metrics.json").write_text(json.dumps(scores))
    second = make_run(tmp_path / "second", [TrialRecord(curve=[0.98], baseline=True)])
    return [make_run(tmp_path / "third", SMALL[4:5]), first, second]


def test_runs_stand_by_what_they_came_to_and_tell_what_their_test_said(runs: list[Path]) -> None:
    frame = comparison(runs).set_index("run")
    assert list(frame.index) == ["second", "first", "third"]
    told = frame.loc["first", ["value", "seeds", "trial", "baseline", "gain", "test_accuracy", "test_loss"]]
    assert list(told) == pytest.approx([0.95, 3, 1, 0.91, 0.04, 0.9, 0.31])


def test_runs_about_different_metrics_stay_in_the_order_given(runs: list[Path], tmp_path: Path) -> None:
    loss = make_run(tmp_path / "loss", [TrialRecord(curve=[0.2])], metric="val_loss")
    frame = comparison([loss, *runs])
    assert list(frame["run"]) == ["loss", "third", "first", "second"]
    assert "metric" in " ".join(lines(frame))


def lines(frame: object, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(run_table(frame, width=width))  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_of_runs_fits_and_says_whose_value_rests_on_one_seed(width: int, runs: list[Path]) -> None:
    told = lines(comparison(runs), width)
    assert max(map(len, told)) <= width
    assert any(line.startswith("first") and "0.9500 ± 0.0100" in line for line in told)
    assert any(line.startswith("second") and "0.9800" in line and "±" not in line for line in told)
    assert "without ±" in " ".join(told)


def test_top_shows_the_first_trials_of_each_run(runs: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, "leaderboard", *map(str, runs), "--top", "1", "--format", "json")
    assert code == 0
    assert [(record["run"], record["trial"]) for record in json.loads(out)] == [
        ("third", 0),
        ("first", 1),
        ("second", 0),
    ]


def test_runs_of_one_name_are_told_apart_by_their_folders(runs: list[Path], tmp_path: Path) -> None:
    other, far = make_run(tmp_path / "old" / "first"), make_run(tmp_path / "older" / "old" / "first")
    label = f"{tmp_path.name}/first"
    assert labels([open_run(run) for run in (runs[1], other, runs[2])]) == [label, "old/first", "second"]
    assert [*labels([open_run(run) for run in (other, far)])] == [f"{tmp_path.name}/old/first", "older/old/first"]
    assert labels([open_run(other), open_run(other)]) == ["first", "first"], "the same run twice"
    assert set(comparison([runs[1], other])["run"]) == set(compared([runs[1], other])["run"]) == {label, "old/first"}


def test_long_names_that_differ_at_their_ends_are_told_apart(tmp_path: Path) -> None:
    frame = comparison([make_run(tmp_path / f"photos-{'x' * 40}-{number}") for number in (1, 2)])
    told = [line.split()[0] for line in lines(frame, 120) if line.startswith("photos")]
    assert len(set(told)) == 2
    assert max(map(len, told)) == 30


def test_slot_time_and_wall_time_are_told_apart(runs: list[Path]) -> None:
    study = optuna.load_study(study_name="digits-1", storage=JournalStorage(OwnJournal(runs[1] / "study.journal")))
    study.set_user_attr("spent", {"hours": 0.01, "slot_hours": 0.02})
    frame = comparison(runs[1:2])
    assert (frame["seconds"][0], frame["wall_seconds"][0]) == (5 * 12.5, 36.0)
    told = [line.split() for line in lines(frame, 160)]
    assert (told[0].count("slot"), told[0].count("wall")) == (1, 1)
    assert " ".join(told[2]).count("1 min 02 s 36 s") == 1
