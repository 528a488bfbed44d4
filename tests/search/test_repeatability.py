"""The same seed with one slot gives the same trials twice."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.search.commands import TINY, call


def test_two_runs_of_one_slot_and_seed_give_the_same_leaderboard(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY + "tracking: off\nresources: {cpus: 2}\n")
    boards = []
    for name in ("one", "two"):
        done = call("run", "tiny.yaml", "--name", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        boards.append(pd.read_csv(tmp_path / "runs" / name / "leaderboard.csv").drop(columns="seconds"))
    pd.testing.assert_frame_equal(boards[0], boards[1], check_exact=True)
