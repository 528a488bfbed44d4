"""A run's files are damaged, or its disk is full."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harm.doing import checkpoints, cut, driven, ended, epochs, power_off, spoil, until
from tests.harm.sound import assert_sound, ended_trials
from tests.harm.sweeps import LONG, RESUME, RUN, written
from tests.search.commands import TINY, call


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with a run in it whose machine died."""
    home = tmp_path_factory.mktemp("killed")
    run = written(home, LONG)
    with driven(*RUN, cwd=home) as driver:
        until(lambda: len(epochs(run, 0)) >= 12, of=driver)
        power_off(driver)
    return home


def fill_with_zeros(file: Path) -> None:
    with file.open("ab") as end:
        end.write(bytes(512))


JOURNAL, HISTORY, CHECKPOINT = "study.journal", "trials/0/history.csv", "trials/0/checkpoint/state.npz"
DAMAGE: dict[str, tuple[str, Callable[[Path], None]]] = {
    "the journal's last line is cut": (JOURNAL, lambda file: cut(file, 10)),
    "the journal ends in zeros": (JOURNAL, fill_with_zeros),
    "a history is cut in the middle of a row": (HISTORY, lambda file: cut(file, file.stat().st_size // 2)),
    "a history is gone": (HISTORY, Path.unlink),
    "a checkpoint is cut in half": (CHECKPOINT, lambda file: cut(file, file.stat().st_size // 2)),
    "bytes of a checkpoint are turned over": (CHECKPOINT, spoil),
    "a checkpoint is empty": (CHECKPOINT, lambda file: os.truncate(file, 0)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_mended_or_stepped_back_from_and_named(tmp_path: Path, killed: Path, damage: str) -> None:
    home = shutil.copytree(killed, tmp_path / "home", symlinks=True)
    run, (name, harm) = home / "runs" / "one", DAMAGE[damage]
    harm(run / name)
    known = ended_trials(run)
    resumed = call(*RESUME, cwd=home)
    assert resumed.returncode == 0, resumed.stderr
    assert name in resumed.stderr
    assert_sound(run, trials=3)
    after = ended_trials(run)
    assert {number: after[number] for number in known} == known


def test_a_lock_that_a_dead_process_left_on_the_journal_holds_nobody_up(tmp_path: Path, killed: Path) -> None:
    home = shutil.copytree(killed, tmp_path / "home", symlinks=True)
    run = home / "runs" / "one"
    (run / f"{JOURNAL}.lock").symlink_to(run / JOURNAL)
    resumed = call(*RESUME, cwd=home)
    assert resumed.returncode == 0, resumed.stderr
    assert_sound(run, trials=3)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB in the folder `runs`."""
    disk = tmp_path / "runs"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True, text=True, timeout=30
    )
    if mounted.returncode:
        pytest.skip(f"a disk of its own cannot be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True, timeout=30)


@pytest.mark.parametrize("left_bytes", [0, 300])
def test_a_full_disk_is_told_and_the_sweep_resumes_once_there_is_room(
    tmp_path: Path, small_disk: Path, left_bytes: int
) -> None:
    run = written(tmp_path, LONG)
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 5, of=driver)
        fill(small_disk / "ballast", left_bytes)
        assert ended(driver, within_s=60) == 1, driver.said
        assert "is full" in driver.said
        assert "tunehound resume runs/one" in driver.said
        assert "Traceback" not in driver.said
    known = ended_trials(run)
    (small_disk / "ballast").unlink()
    resumed = call(*RESUME, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert_sound(run, trials=3)
    after = ended_trials(run)
    assert {number: after[number] for number in known} == known


def fill(file: Path, left_bytes: int) -> None:
    """Takes all of a disk but some bytes."""
    with file.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(4096))
    cut(file, left_bytes)


def test_two_hundred_trials_leave_few_checkpoints_at_any_moment_and_none_at_the_end(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    run = written(tmp_path, TINY.replace("trials: 6", "trials: 200") + "tracking: off\n")
    most, most_bytes = 0, 0

    def sampled() -> bool:
        nonlocal most, most_bytes
        held = checkpoints(run)
        most = max(most, len(held))
        most_bytes = max(most_bytes, sum(size(file) for folder in held for file in folder.glob("*")))
        return driver.over

    with driven(*RUN, cwd=tmp_path) as driver:
        until(sampled, within_s=900, every_s=0.2)
        assert driver.process.returncode == 0, driver.said
    assert most <= (os.cpu_count() or 1)
    assert_sound(run, trials=200)
    record_property("checkpoints at most", most)
    record_property("bytes of them at most", most_bytes)
    record_property("bytes of the run at the end", sum(size(file) for file in run.rglob("*")))


def size(file: Path) -> int:
    with contextlib.suppress(OSError):
        return file.stat().st_size
    return 0
