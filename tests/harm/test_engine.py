"""A part of Ray dies under a sweep, or stands still for a while: within a minute the sweep continues or has ended."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from tests.harm.doing import Driver, crew, driven, ended, epochs, until
from tests.harm.sound import assert_sound, ended_trials
from tests.harm.sweeps import LONG, RESUME, RUN, written
from tests.search.commands import call

NOTICED_S = 60.0
TRIALS = 3
CLOCK = """
import os, time

true = time.time

def read_offset_s():
    with open(os.environ["CLOCK_OFFSET_FILE"]) as file:
        return float(file.read() or 0)

time.time = lambda: true() + read_offset_s()
"""
"""Python's start-up code for the driver and all that it starts: the wall clock is off by what stands in a file."""
ENGINE = LONG.replace("epochs: 120", "epochs: 400")
"""Trains long enough for a part of Ray to be missed."""


def part(driver: Driver, name: str) -> psutil.Process:
    """The process of Ray that is called so: `gcs_server`, `raylet`, `ray::DriverActor`."""
    return next(each for each in crew(driver) if each.name().startswith(name))


def test_the_runs_own_actor_is_started_again(tmp_path: Path) -> None:
    run = written(tmp_path, ENGINE)
    with driven(*RUN, cwd=tmp_path) as driver:
        for epoch in (5, 60):
            until(lambda epoch=epoch: len(epochs(run, 0)) >= epoch, of=driver)
            part(driver, "ray::DriverActor").kill()
            until(lambda: driver.said.count("was restarted") == (1 if epoch == 5 else 2), of=driver)  # noqa: B023
        assert ended(driver) == 0, driver.said
    assert_sound(run, trials=TRIALS)


@pytest.mark.parametrize(
    ("name", "reason"), [("raylet", "(its raylet) has died"), ("gcs_server", "Ray's control service (GCS)")]
)
def test_a_part_that_cannot_be_restarted_ends_the_sweep_with_the_reason_and_the_command_that_continues(
    tmp_path: Path, name: str, reason: str
) -> None:
    run = written(tmp_path, ENGINE)
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 5, of=driver)
        part(driver, name).kill()
        assert ended(driver, within_s=NOTICED_S) == 1, driver.said
        assert reason in driver.said
        assert f"Continue with: tunehound resume {run.relative_to(tmp_path)}" in driver.said
    finished = ended_trials(run)
    done = call(*RESUME, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert finished.items() <= ended_trials(run).items()
    assert_sound(run, trials=TRIALS)


@pytest.mark.parametrize("name", ["gcs_server", "driver"])
def test_what_stands_still_for_a_minute_and_a_half_is_waited_for(tmp_path: Path, name: str) -> None:
    run = written(tmp_path, ENGINE)
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 5, of=driver)
        victim = psutil.Process(driver.process.pid) if name == "driver" else part(driver, name)
        victim.suspend()
        time.sleep(90)
        victim.resume()
        assert ended(driver) == 0, driver.said
        assert ("has not answered for 30 s" in driver.said) == (name != "driver")
    assert_sound(run, trials=TRIALS)


@pytest.mark.parametrize("hours", [-6, -3, 6])
def test_a_clock_that_is_set_is_mentioned_and_the_sweep_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    run, offset, start_up = written(tmp_path, ENGINE), tmp_path / "offset", tmp_path / "start-up"
    start_up.mkdir()
    (start_up / "sitecustomize.py").write_text(CLOCK)
    offset.write_text("0")
    monkeypatch.setenv("CLOCK_OFFSET_FILE", str(offset))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(start_up), os.environ.get("PYTHONPATH", "")]))
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 5, of=driver)
        offset.write_text(str(3600 * hours))
        until(lambda: "clock was set" in driver.said, of=driver, within_s=NOTICED_S)
        assert ended(driver) == 0, driver.said
    assert_sound(run, trials=TRIALS)
