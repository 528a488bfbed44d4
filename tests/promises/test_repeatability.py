"""The same seed with one slot gives the same trials twice, whatever happens to the driver in between."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.harm.doing import killed_at, moments
from tests.harm.sound import assert_sound, ended_trials
from tests.search.commands import TINY, call


def board(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "leaderboard.csv").drop(columns="seconds")


def test_a_run_killed_at_some_moment_and_resumed_gives_the_leaderboard_of_one_that_was_not(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY + "tracking: off\nresources: {cpus: 2}\n")
    done = call("run", "tiny.yaml", "--name", "whole", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / "killed"
    (moment,) = moments(seed=0, count=1, records=15)
    killed_at(moment, "run", "tiny.yaml", "--name", "killed", run=run, cwd=tmp_path)
    before = ended_trials(run)
    resumed = call("resume", "killed", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert_sound(run, trials=6)
    assert before.items() <= ended_trials(run).items()
    pd.testing.assert_frame_equal(board(run), board(tmp_path / "runs" / "whole"), check_exact=True)
