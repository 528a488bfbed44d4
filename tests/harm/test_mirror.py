"""Machines are lost at any moment with their disks; stores go away and come back; two drivers want the same run."""

from __future__ import annotations

import random
import shutil
import time
from functools import partial
from pathlib import Path

import pytest

from search.mirror.download import fetched
from search.mirror.lease import LEASE, holder
from search.mirror.store import Place, place_of
from tests.harm.doing import Driver, driven, ended, epochs, power_off, until
from tests.harm.sound import assert_sound, ended_trials
from tests.harm.sweeps import LONG, written
from tests.harm.test_s3 import records_at, run_out
from tests.search.commands import call
from tests.search.mirror.test_lease import held_elsewhere

SIX = LONG.replace("trials: 3", "trials: 6")


def begun(tmp_path: Path, sweep: str) -> tuple[Place, list[str]]:
    """A sweep file on a first machine, the place of its run's mirror, and the command that begins it."""
    (tmp_path / "machine-0").mkdir()
    written(tmp_path / "machine-0", sweep)
    store = f"file://{tmp_path}/store"
    return place_of(f"{store}/one", option=""), ["run", "sweep.yaml", "--name", "one", "--runs", store]


def went_on(driver: Driver, place: Place, *, before: int) -> bool:
    """Whether the mirror has more than it had, or there is no more to come."""
    return driver.over or records_at(place) > before


@pytest.mark.parametrize("seed", range(4))
def test_a_machine_lost_at_any_moment_takes_along_only_what_was_not_sent_yet(tmp_path: Path, seed: int) -> None:
    place, command = begun(tmp_path, SIX)
    draw, known = random.Random(seed), dict[int, str]()
    for session in range(4):
        home = tmp_path / f"machine-{session}"
        home.mkdir(exist_ok=True)
        with driven(*command, cwd=home) as driver:
            until(partial(went_on, driver, place, before=records_at(place)))
            time.sleep(draw.uniform(0, 8))
            power_off(driver)
        shutil.rmtree(home)
        if place.read(LEASE):
            run_out(place)
        left = ended_trials(fetched(place.uri, tmp_path / f"seen-{session}"))
        assert known.items() <= left.items()
        known, command = left, ["resume", place.uri]
    last = tmp_path / "last"
    last.mkdir()
    resumed = call(*command, cwd=last)
    assert resumed.returncode == 0, resumed.stderr
    run = fetched(place.uri, last / "runs")
    assert_sound(run, trials=6)
    assert known.items() <= ended_trials(run).items()


def test_a_second_driver_is_refused_and_one_that_is_taken_over_stops_in_order(tmp_path: Path) -> None:
    place, command = begun(tmp_path, LONG.replace("epochs: 120", "epochs: 2000"))
    other = tmp_path / "other"
    other.mkdir()
    with driven(*command, cwd=tmp_path / "machine-0") as driver:
        until(lambda: records_at(place) > 12, of=driver)
        refused = call("resume", place.uri, cwd=other)
        assert refused.returncode == 2
        assert "another one holds this run now" in refused.stderr
        assert not driver.over
        held_elsewhere(place, until=time.time() + 600)
        assert ended(driver, within_s=60) == 1
        assert "held by process 41 on head-2" in driver.said
    assert place.read("report.html") is None
    found = holder(place)
    assert found
    assert found.host == "head-2"


def test_a_store_that_is_away_for_a_while_costs_the_sweep_nothing(tmp_path: Path) -> None:
    place, command = begun(tmp_path, LONG.replace("epochs: 120", "epochs: 1200"))
    store, away, run = tmp_path / "store", tmp_path / "away", tmp_path / "machine-0" / "runs" / "one"
    with driven(*command, cwd=tmp_path / "machine-0") as driver:
        until(lambda: records_at(place) > 12, of=driver)
        store.rename(away)
        store.write_text("no folder")
        until(lambda: "The mirror is behind" in driver.said, of=driver)
        known = len(epochs(run, 0))
        until(lambda: len(epochs(run, 0)) > known or ended_trials(run), of=driver)
        store.unlink()
        away.rename(store)
        assert ended(driver) == 0, driver.said
        assert "Not at file://" not in driver.said
    assert_sound(run, trials=3)
    for name in place.sizes():
        assert place.read(name) == (run / name).read_bytes(), name
