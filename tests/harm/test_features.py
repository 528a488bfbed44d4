"""The processes and the disk of a sweep that trains on stored features are harmed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.harm.doing import driven, ended, kill, trainers, until
from tests.harm.sound import assert_sound
from tests.harm.sweeps import RUN, written
from tests.promises.test_frozen_features import SWEEP
from tests.search.commands import call
from trainables.features.storage import LOCKS

QUICK = SWEEP.replace("resources: {cpus: 2}\n", "").replace(
    "unfrozen_blocks: 0", "unfrozen_blocks: {choice: [0, 1], baseline: 0}"
)
LARGER = QUICK.replace("input_size: 32", "input_size: 96").replace("trials: 2", "trials: 2, max_failures: 5")
"""Its features take seconds to compute."""


def sources(run: Path, trial: int) -> list[str]:
    return list(pd.read_csv(run / "trials" / str(trial) / "history.csv")["features"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 50.7 MB for the data cache, of which the store leaves 50 free."""
    disk = tmp_path / "cache"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=49500k", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, timeout=30)
    if mounted.returncode:
        pytest.skip(f"a disk of its own cannot be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True, timeout=30)


def test_the_confirmation_augments_anew(tmp_path: Path) -> None:
    run = written(tmp_path, SWEEP.replace("confirm: off", "confirm: {top: 1, seeds: 2}"))
    done = call(*RUN, cwd=tmp_path, more={"TUNEHOUND_CACHE": str(tmp_path / "cache")})
    assert done.returncode == 0, done.stderr
    again = [pd.read_csv(file)["features"] for file in run.glob("trials/*/confirm/*/history.csv")]
    assert len(again) >= 2
    assert all(list(told) == ["computed: every epoch augments anew"] * 3 for told in again)


def test_a_process_killed_while_it_stores_features_costs_its_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEHOUND_CACHE", str(tmp_path / "cache"))
    run = written(tmp_path, LARGER)
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: list(tmp_path.glob(f"cache/data/*/{LOCKS}")), of=driver)
        kill(trainers(driver))
        assert ended(driver, within_s=200) == 0, driver.said
    assert_sound(run, trials=2)
    assert all(sources(run, trial) == ["stored"] * 3 for trial in (0, 1))


def test_where_the_disk_has_no_room_features_are_computed_and_the_history_says_so(
    tmp_path: Path, small_disk: Path
) -> None:
    run = written(tmp_path, QUICK)
    done = call(*RUN, cwd=tmp_path, more={"TUNEHOUND_CACHE": str(small_disk), "TUNEHOUND_CACHE_GB": "0.1"})
    assert done.returncode == 0, done.stderr
    assert_sound(run, trials=2)
    assert all(sources(run, trial) == ["computed: no room on the disk"] * 3 for trial in (0, 1))
