"""Several runs against each other, a line each."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from search.cli.table import run_table
from search.results.compare import comparison
from tests.search.commands import called
from tests.search.report.test_leaderboard import confirmed
from tests.search.runs import SMALL, Told, make_run


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """One confirmed and retrained, one better by a single seed, one without a baseline or a result."""
    first = confirmed(tmp_path / "first")
    (first / "retrained").mkdir()
    scores = {"accuracy": 0.91, "cross_entropy": 0.31, "epochs": 3, "mean": {"accuracy": 0.9}, "sd": {"accuracy": 0.01}}
    (first / "retrained" / "metrics.json").write_text(json.dumps(scores))
    second = make_run(tmp_path / "second", [Told(curve=[0.98], baseline=True)])
    return [make_run(tmp_path / "third", SMALL[4:5]), first, second]


def test_runs_stand_by_what_they_came_to_and_tell_what_their_test_said(runs: list[Path]) -> None:
    frame = comparison(runs).set_index("run")
    assert list(frame.index) == ["second", "first", "third"]
    told = frame.loc["first", ["value", "seeds", "trial", "baseline", "gain", "test_accuracy", "test_loss"]]
    assert list(told) == pytest.approx([0.95, 3, 1, 0.91, 0.04, 0.9, 0.31])


def test_runs_about_different_metrics_stay_in_the_order_given(runs: list[Path], tmp_path: Path) -> None:
    loss = make_run(tmp_path / "loss", [Told(curve=[0.2])], metric="val_loss")
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
