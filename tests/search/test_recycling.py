"""A process that has grown too fat serves no other trial, and nobody notices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.search.commands import TINY, environment

DRIVER = """
import sys
from pathlib import Path
import clusters.cluster
from search.cli import main
from search.scheduler import FairAsha

bytes_a_slot = int(sys.argv.pop(1))
clusters.cluster.slot_memory_bytes = lambda slot, nodes: bytes_a_slot
complete = FairAsha.on_trial_complete

def noted(self, controller, trial, result):
    with Path("pids").open("a") as file:
        print(result["pid"], file=file)
    complete(self, controller, trial, result)

FairAsha.on_trial_complete = noted
main()
"""
"""The command, on slots of another size, noting which process served each trial."""


@pytest.mark.parametrize("bytes_a_slot", [1, 2**50])
def test_a_fat_process_is_replaced_between_trials(tmp_path: Path, bytes_a_slot: int) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY + "tracking: off\nresources: {cpus: 2}\n")
    options = ["run", "tiny.yaml", "--name", "one", "--set", "search.trials=2", "--set", "search.scheduler=none"]
    command = [sys.executable, "-c", DRIVER, str(bytes_a_slot), *options]
    done = subprocess.run(command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    processes = (tmp_path / "pids").read_text().split()
    assert len(processes) == 2
    assert len(set(processes)) == (2 if bytes_a_slot == 1 else 1)
    board = pd.read_csv(tmp_path / "runs" / "one" / "leaderboard.csv")
    assert set(board["state"]) <= {"baseline", "complete"}
    assert board["epochs"].tolist() == [4, 4]
