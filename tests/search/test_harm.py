"""Harm to a run's files, and to its driver by impatience: the smallest cases; `make test-harm` has the others."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.harm.doing import cut, driven, ended, epochs, power_off, records, spoil, until
from tests.harm.sound import assert_sound
from tests.harm.sweeps import LONG, RESUME, RUN, written
from tests.search.commands import call


def test_damaged_files_are_mended_or_stepped_back_from_and_named(tmp_path: Path) -> None:
    run = written(tmp_path, LONG)
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 12, of=driver)
        power_off(driver)
    cut(run / "study.journal", 10)
    cut(run / "trials" / "0" / "history.csv", 100)
    spoil(run / "trials" / "0" / "checkpoint" / "state.npz")
    (run / "study.journal.lock").symlink_to(run / "study.journal")
    resumed = call(*RESUME, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    for name in ("study.journal", "trials/0/history.csv", "trials/0/checkpoint/state.npz"):
        assert f"Repaired {name}: " in resumed.stderr
    assert_sound(run, trials=3)


def test_a_living_driver_keeps_others_off_and_one_that_two_ctrl_c_ended_does_not(tmp_path: Path) -> None:
    run = written(tmp_path, LONG.replace("epochs: 120", "epochs: 1000"))
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: epochs(run, 0), of=driver)
        refused = call(*RESUME, cwd=tmp_path)
        assert refused.returncode == 2
        assert "another one is driving" in refused.stderr
        driver.process.send_signal(signal.SIGINT)
        until(lambda: "Ctrl-C again ends at once" in driver.said, of=driver)
        driver.process.send_signal(signal.SIGINT)
        assert ended(driver, within_s=5) == 130
    before = records(run)
    with driven(*RESUME, cwd=tmp_path) as driver:
        until(lambda: records(run) > before + 3, of=driver)
