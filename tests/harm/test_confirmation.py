"""A confirmation that a budget cut short is completed by `resume` with a larger one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pandas as pd

from search.results.headline import headline
from search.run.confirmation import trainings
from search.run.reader import open_run
from search.tuner.resume import unfinished
from tests.search.commands import call


def test_a_budget_cuts_the_confirmation_and_a_resume_completes_it(
    shared_home: Path, second_run: subprocess.CompletedProcess[str]
) -> None:
    run = shared_home / "runs" / "second"
    assert "budget.epochs = 10" in second_run.stderr
    resumed = call("resume", "second", "--set", "budget.epochs=1000", cwd=shared_home)
    assert resumed.returncode == 0, resumed.stderr
    opened = open_run(run)
    found, chosen = trainings(opened.notes), opened.notes["confirming"]["trials"]
    cut = trainings(open_run(shared_home / "cut").notes)
    assert len(cut) < len(found) == 3 * len(chosen)
    assert {training.seed for training in found} == {1, 2, 3}
    assert not unfinished(run)
    confirmed = pd.read_csv(run / "leaderboard.csv").query("seeds == 3")
    assert confirmed["mean"].notna().all()
    assert "over 3 seeds" in headline(opened)
