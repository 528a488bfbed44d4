"""A configuration that its slot has no memory for is a result, told with what made it large."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tests.search.commands import call

HUGE = """
trial:
  data: {source: digits}
  model:
    kind: cnn
    blocks: 1
    filters: 4
    batch_norm: off
    head: {pooling: flatten, units: {choice: [8, 1000000000000], baseline: 8}}
  optimizer: {learning_rate: 3.0e-3}
  training: {epochs: 1, batch_size: 32}
search: {trials: 2, scheduler: none}
confirm: off
tracking: off
resources: {cpus: 2}
"""


def test_a_trial_without_memory_is_told_with_batch_model_and_slot_and_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "huge.yaml").write_text(HUGE)
    done = call("run", "huge.yaml", "--name", "one", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = "batches of 32 images, a model of kind cnn, in a slot with"
    assert told in done.stderr
    run = tmp_path / "runs" / "one"
    error = (run / "trials" / "1" / "error.txt").read_text()
    assert error.startswith(f"out of memory: {told}")
    assert "GB of memory" in error.splitlines()[0]
    board = pd.read_csv(run / "leaderboard.csv").set_index("trial")
    assert board.loc[1, "state"] == "pruned"
    assert board.loc[1, "reason"] == "out of memory"
    assert board.loc[1, "epochs"] == 0
