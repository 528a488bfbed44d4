"""The same seed with one slot gives the same trials twice, and however often the driver is killed in between."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.harm.doing import killed_at, moments
from tests.harm.sound import assert_sound, ended_trials
from tests.promises.test_repeatability import board
from tests.search.commands import TINY, call


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with a run `whole`."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "tiny.yaml").write_text(TINY + "tracking: off\nresources: {cpus: 2}\n")
    done = call("run", "tiny.yaml", "--name", "whole", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_two_runs_of_one_slot_and_seed_give_the_same_leaderboard(home: Path) -> None:
    done = call("run", "tiny.yaml", "--name", "second", cwd=home)
    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(board(home / "runs" / "second"), board(home / "runs" / "whole"), check_exact=True)


def test_a_run_killed_at_three_moments_and_resumed_gives_the_leaderboard_of_one_that_was_not(home: Path) -> None:
    run, known = home / "runs" / "killed", {}
    for moment in moments(seed=0, count=3, records=15):
        begin = ("resume", "killed") if run.exists() else ("run", "tiny.yaml", "--name", "killed")
        killed_at(moment, *begin, run=run, cwd=home)
        before = ended_trials(run)
        assert {number: before[number] for number in known} == known
        known = before
    resumed = call("resume", "killed", cwd=home)
    assert resumed.returncode == 0, resumed.stderr
    assert_sound(run, trials=6)
    after = ended_trials(run)
    assert {number: after[number] for number in known} == known
    pd.testing.assert_frame_equal(board(run), board(home / "runs" / "whole"), check_exact=True)
