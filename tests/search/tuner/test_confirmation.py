"""The confirmation, end to end: cut short by a budget, taken up again, each configuration trained once a seed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from search.results.headline import headline
from search.run.confirmation import trainings
from search.run.reader import open_run
from search.tuner.resume import unfinished
from spaces.file.load import load_config
from tests.search.commands import call

pytestmark = pytest.mark.xdist_group("shared runs")


@pytest.fixture(scope="module")
def run(shared_home: Path, second_run: subprocess.CompletedProcess[str]) -> Path:
    """A run whose confirmation a budget cut short, and which then was resumed."""
    run = shared_home / "runs" / "second"
    assert "budget.epochs = 10" in second_run.stderr
    resumed = call("resume", "second", "--set", "budget.epochs=1000", cwd=shared_home)
    assert resumed.returncode == 0, resumed.stderr
    return run


def test_a_budget_cuts_the_confirmation_and_a_resume_completes_it(shared_home: Path, run: Path) -> None:
    opened = open_run(run)
    found, chosen = trainings(opened.notes), opened.notes["confirming"]["trials"]
    cut = trainings(open_run(shared_home / "cut").notes)
    assert len(cut) < len(found) == 3 * len(chosen)
    assert {training.seed for training in found} == {1, 2, 3}
    assert not unfinished(run)


def test_each_training_leaves_a_whole_history_and_its_configuration(run: Path) -> None:
    for training in trainings(open_run(run).notes):
        folder = run / "trials" / str(training.trial) / "confirm" / str(training.seed)
        history = pd.read_csv(folder / "history.csv")
        assert list(history["epoch"]) == list(range(1, training.epochs + 1))
        assert history["val_accuracy"].max() == pytest.approx(training.value)
        assert load_config(folder / "config.yaml")[0].training.seed == training.seed
        assert not (folder / "checkpoint").exists()


def test_all_outputs_tell_the_confirmation(run: Path) -> None:
    frame = pd.read_csv(run / "leaderboard.csv")
    confirmed = frame[frame["seeds"] == 3]
    assert confirmed["mean"].notna().all()
    assert frame["rank"].iloc[: len(confirmed)].tolist() == list(range(1, len(confirmed) + 1))
    _, provenance = load_config(run / "best.yaml")
    assert provenance["trial"] == frame["trial"].iloc[0]
    assert provenance["mean"] == pytest.approx(frame["mean"].iloc[0])
    assert "over 3 seeds" in headline(open_run(run))
