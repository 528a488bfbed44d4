"""The same seed with one slot gives the same trials twice, whatever happens to the driver in between."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.search.commands import TINY, call, start

ONE_SLOT = TINY + "tracking: off\nresources: {cpus: 2}\n"


def board(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "leaderboard.csv").drop(columns="seconds")


def kill_all(driver: psutil.Process) -> None:
    """What the death of a machine does to a driver and the processes that it started."""
    for process in (driver, *driver.children(recursive=True)):
        process.kill()


def test_two_runs_of_one_slot_and_seed_give_the_same_leaderboard(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(ONE_SLOT)
    for name in ("one", "two"):
        done = call("run", "tiny.yaml", "--name", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    runs = tmp_path / "runs"
    pd.testing.assert_frame_equal(board(runs / "one"), board(runs / "two"), check_exact=True)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_killed_and_resumed_gives_the_leaderboard_of_one_that_was_not(tmp_path: Path, seed: int) -> None:
    (tmp_path / "tiny.yaml").write_text(ONE_SLOT)
    runs, moment = tmp_path / "runs", random.Random(seed)
    assert call("run", "tiny.yaml", "--name", "whole", cwd=tmp_path).returncode == 0
    driver = start("run", "tiny.yaml", "--name", "killed", cwd=tmp_path)
    histories, wanted = runs / "killed" / "trials", moment.randint(1, 5)
    while len(list(histories.glob("*/history.csv"))) < wanted and driver.poll() is None:
        time.sleep(0.01)
    time.sleep(moment.uniform(0, 0.2))
    assert driver.poll() is None
    kill_all(psutil.Process(driver.pid))
    driver.communicate()
    resumed = call("resume", "killed", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    pd.testing.assert_frame_equal(board(runs / "killed"), board(runs / "whole"), check_exact=True)
