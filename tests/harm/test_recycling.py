"""A process that has grown too fat serves no other trial, and nobody notices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd

from tests.search.commands import TINY, environment

DRIVER = """
from itertools import chain, repeat
from pathlib import Path
import clusters.cluster
from search.cli.app import main
from search.tuner.scheduler import FairAsha

sizes = chain([2**50], repeat(1))
clusters.cluster.slot_memory_bytes = lambda slot, nodes: next(sizes)
complete = FairAsha.on_trial_complete

def noted(self, controller, trial, result):
    with Path("pids").open("a") as file:
        print(result["pid"], file=file)
    complete(self, controller, trial, result)

FairAsha.on_trial_complete = noted
main()
"""
"""The command, noting which process served each trial. Slots are too small for all trials but the first."""


def test_a_fat_process_is_replaced_between_trials(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY + "tracking: off\nresources: {cpus: 2}\n")
    options = ["run", "tiny.yaml", "--name", "one", "--set", "search.trials=3", "--set", "search.scheduler=none"]
    command = [sys.executable, "-c", DRIVER, *options]
    done = subprocess.run(command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    first, second, third = (tmp_path / "pids").read_text().split()
    assert first == second != third
    board = pd.read_csv(tmp_path / "runs" / "one" / "leaderboard.csv")
    assert set(board["state"]) <= {"baseline", "complete"}
    assert board["epochs"].tolist() == [4, 4, 4]
