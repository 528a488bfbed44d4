"""A sweep over a backbone: what its trials freeze is computed once, and its history says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.search.commands import call
from trainables.features.storage import SUMS

SWEEP = """
trial:
  data: {source: digits}
  model:
    kind: pretrained
    backbone: mobilenet_v2
    alpha: 0.35
    weights: none
    input_size: 32
    unfrozen_blocks: 0
  augmentation: {policy: [shift], strength: 0.5}
  optimizer: {learning_rate: {choice: [1.0e-3, 1.0e-2], baseline: 1.0e-3}}
  training: {epochs: 3, batch_size: 64}
search: {sampler: random, scheduler: none, trials: 2}
confirm: off
tracking: off
resources: {cpus: 2}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the run in it."""
    home = tmp_path_factory.mktemp("home")
    (home / "sweep.yaml").write_text(SWEEP)
    done = call("run", "sweep.yaml", "--name", "one", cwd=home, more={"TUNEHOUND_CACHE": str(home / "cache")})
    assert done.returncode == 0, done.stderr
    return home


def features(home: Path, trial: int) -> list[str]:
    return list(pd.read_csv(home / "runs" / "one" / "trials" / str(trial) / "history.csv")["features"])


def test_the_history_says_that_features_were_stored(home: Path) -> None:
    assert features(home, 0) == features(home, 1) == ["stored"] * 3


def test_the_trials_share_one_entry_and_no_view_is_there_that_nobody_needed(home: Path) -> None:
    entries = list((home / "cache" / "data").glob(f"*/{SUMS}"))
    assert len(entries) == 2  # the training images', and those to choose by
    marks = sorted((np.fromfile(file, np.uint32) > 0 for file in entries), key=len)
    assert marks[0].all()
    views = marks[1].reshape(4, -1)
    assert views[:3].all()
    assert not views[3].any()
