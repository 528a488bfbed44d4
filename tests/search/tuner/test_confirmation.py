"""The confirmation, end to end: cut short by a budget, taken up again, each configuration trained once a seed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from search.results.headline import headline
from search.run.confirmation import trainings
from search.run.reader import open_run
from search.tuner.resume import unfinished
from spaces.file.load import load_config
from tests.search.commands import TINY, call

CONFIRMED = (
    TINY.replace("epochs: 4,", "epochs: 2,")
    .replace("trials: 6", "trials: 3")
    .replace("confirm: off", "confirm: {top: 1, seeds: 3}")
    + "budget: {epochs: 10}\ntracking: off\nresources: {cpus: 2}\n"
)
"""Three trials and, of one or two configurations, three trainings each: more epochs than the budget has."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with a run whose confirmation a budget cut short, and which then was resumed."""
    home = tmp_path_factory.mktemp("home")
    (home / "sweep.yaml").write_text(CONFIRMED)
    cut = call("run", "sweep.yaml", "--name", "one", cwd=home)
    assert cut.returncode == 0, cut.stderr
    assert "budget.epochs = 10" in cut.stderr
    (home / "cut.txt").write_text(str(len(trainings(open_run(home / "runs/one").notes))))
    resumed = call("resume", "one", "--set", "budget.epochs=1000", cwd=home)
    assert resumed.returncode == 0, resumed.stderr
    return home


def test_a_budget_cuts_the_confirmation_and_a_resume_completes_it(home: Path) -> None:
    run = open_run(home / "runs/one")
    found, chosen = trainings(run.notes), run.notes["confirming"]["trials"]
    assert int((home / "cut.txt").read_text()) < len(found) == 3 * len(chosen)
    assert {training.seed for training in found} == {1, 2, 3}
    assert not unfinished(home / "runs/one")


def test_each_training_leaves_a_whole_history_and_its_configuration(home: Path) -> None:
    for training in trainings(open_run(home / "runs/one").notes):
        folder = home / "runs/one/trials" / str(training.trial) / "confirm" / str(training.seed)
        history = pd.read_csv(folder / "history.csv")
        assert list(history["epoch"]) == list(range(1, training.epochs + 1))
        assert history["val_accuracy"].max() == pytest.approx(training.value)
        assert load_config(folder / "config.yaml")[0].training.seed == training.seed
        assert not (folder / "checkpoint").exists()


def test_all_outputs_tell_the_confirmation(home: Path) -> None:
    run = home / "runs/one"
    frame = pd.read_csv(run / "leaderboard.csv")
    confirmed = frame[frame["seeds"] == 3]
    assert confirmed["mean"].notna().all()
    assert frame["rank"].iloc[: len(confirmed)].tolist() == list(range(1, len(confirmed) + 1))
    _, provenance = load_config(run / "best.yaml")
    assert provenance["trial"] == frame["trial"].iloc[0]
    assert provenance["mean"] == pytest.approx(frame["mean"].iloc[0])
    assert "over 3 seeds" in headline(open_run(run))
