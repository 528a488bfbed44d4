"""The driver dies at any moment, with its machine or alone; or somebody asks it to end."""

from __future__ import annotations

import csv
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.harm.doing import (
    crew,
    cut_off,
    driven,
    ended,
    epochs,
    killed_at,
    moments,
    power_off,
    records,
    until,
    vanished,
)
from tests.harm.sound import assert_confirmed, assert_sound, confirmed, ended_trials
from tests.harm.sweeps import CONFIRMED, LONG, MANY, RESUME, RUN, written
from tests.search.commands import call


def is_confirming(run: Path, *, done: int) -> bool:
    """Whether the first epoch of a confirmation was trained, and so many trainings have ended."""
    return any(run.glob("trials/*/confirm/*/history.csv")) and len(confirmed(run)) >= done


def columns(run: Path) -> list[str]:
    with (run / "leaderboard.csv").open() as lines:
        return next(csv.reader(lines))


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody killed."""
    home = tmp_path_factory.mktemp("unharmed")
    run = written(home, MANY)
    assert call(*RUN, cwd=home).returncode == 0
    return run


@pytest.mark.parametrize("seed", range(5))
def test_a_driver_killed_at_four_moments_loses_nothing_and_repeats_nothing(
    tmp_path: Path, unharmed: Path, seed: int
) -> None:
    run = written(tmp_path, MANY)
    known: dict[int, str] = {}
    for moment in moments(seed, 4):
        killed_at(moment, *(RESUME if run.exists() else RUN), run=run, cwd=tmp_path)
        before = ended_trials(run)
        assert {number: before[number] for number in known} == known
        known = before
    resumed = call(*(RESUME if run.exists() else RUN), cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert_sound(run, trials=12)
    after = ended_trials(run)
    assert {number: after[number] for number in known} == known
    assert columns(run) == columns(unharmed)


def test_a_driver_killed_while_it_confirms_trains_nothing_twice(tmp_path: Path) -> None:
    run = written(tmp_path, CONFIRMED)
    known: dict[str, object] = {}
    for done, strike in ((0, power_off), (2, cut_off), (4, power_off)):
        with driven(*(RESUME if run.exists() else RUN), cwd=tmp_path) as driver:
            until(partial(is_confirming, run, done=done), of=driver)
            strike(driver)
        assert {name: confirmed(run)[name] for name in known} == known
        known = confirmed(run)
    resumed = call(*RESUME, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert {name: confirmed(run)[name] for name in known} == known
    assert_confirmed(run, trials=3)


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_sweep_that_is_asked_to_end_does_so_in_order_within_half_a_minute(
    tmp_path: Path, asked: signal.Signals
) -> None:
    run, epoch = written(tmp_path, LONG), random.Random(asked).randint(1, 20)
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= epoch, of=driver)
        driver.process.send_signal(asked)
        assert ended(driver, within_s=30) == 130
        assert driver.said.splitlines()[-1] == "Interrupted. Continue with: tunehound resume runs/one"
        vanished(driver)
    assert call(*RESUME, cwd=tmp_path).returncode == 0
    assert_sound(run, trials=3)


def test_what_a_killed_driver_started_ends_by_itself(tmp_path: Path) -> None:
    run = written(tmp_path, LONG)
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: epochs(run, 0), of=driver)
        assert crew(driver)
        cut_off(driver)
        vanished(driver)


@pytest.mark.parametrize("delay_s", [0.1, 0.5, 2.0])
def test_a_second_ctrl_c_ends_at_once_and_is_resumable(tmp_path: Path, delay_s: float) -> None:
    run = written(tmp_path, LONG)
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 3, of=driver)
        driver.process.send_signal(signal.SIGINT)
        until(lambda: "Press Ctrl-C again to quit at once" in " ".join(driver.said.split()), within_s=10)
        time.sleep(delay_s)
        driver.process.send_signal(signal.SIGINT)
        assert ended(driver, within_s=5) == 130
    assert call(*RESUME, cwd=tmp_path).returncode == 0
    assert_sound(run, trials=3)


def test_a_living_driver_keeps_others_off_and_a_dead_one_does_not(tmp_path: Path) -> None:
    run = written(tmp_path, LONG.replace("epochs: 120", "epochs: 1000"))
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: epochs(run, 0), of=driver)
        for command in (RUN, RESUME):
            refused = call(*command, cwd=tmp_path)
            assert refused.returncode == 2, refused.stderr
        assert "another one is driving" in refused.stderr
        assert not driver.over
        power_off(driver)
    before = records(run)
    with driven(*RESUME, cwd=tmp_path) as driver:
        until(lambda: records(run) > before + 3, of=driver)
