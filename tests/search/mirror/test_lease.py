"""One driver a mirror."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from search.mirror import lease as leases
from search.mirror.lease import LEASE, OWN, Lease, held, holder
from search.mirror.store import Place
from spaces.problem import InputError
from tests.search.mirror.places import place_at


def held_elsewhere(place: Place, *, until: float) -> None:
    content = {"host": "head-2", "pid": 41, "token": "other", "until": until}
    place.write_all({LEASE: json.dumps(content).encode()})


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SETTLE_S", 0.01)


def test_a_second_driver_is_refused_and_told_who_has_it_and_until_when(tmp_path: Path) -> None:
    with held(place_at(tmp_path)) as lease:
        assert lease.valid
        with pytest.raises(InputError, match=r"one process drives a run.*process \d+ on .*, until \d\d:\d\d:\d\d"):
            Lease(place_at(tmp_path)).take(None)
        assert lease.valid
    assert place_at(tmp_path).sizes() == {}
    assert not lease.valid


def test_one_that_has_run_out_is_taken_over(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    held_elsewhere(place, until=time.time() - 1)
    with held(place) as lease:
        found = holder(place)
        assert found
        assert found.token == lease.token


def test_what_the_folders_dead_driver_held_is_taken_over_at_once(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    killed = Lease(place)
    killed.take(None)
    killed.remember(tmp_path)
    with held(place, folder=tmp_path) as lease:
        lease.remember(tmp_path)
        assert lease.valid
    assert not (tmp_path / OWN).exists()


def test_a_copy_of_the_folder_does_not_take_its_driver_for_dead(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with held(place_at(tmp_path)) as lease:
        lease.remember(tmp_path / "one")
        copy = shutil.copytree(tmp_path / "one", tmp_path / "copy")
        with pytest.raises(InputError, match="another one holds this run"), held(place_at(tmp_path), folder=copy):
            pass


@pytest.mark.parametrize("removed", [False, True])
def test_a_driver_that_lost_it_learns_so_and_leaves_what_is_there_alone(tmp_path: Path, removed: bool) -> None:
    place = place_at(tmp_path)
    with held(place) as lease:
        if removed:
            place.remove([LEASE])
        else:
            held_elsewhere(place, until=time.time() + 60)
        before = place.read(LEASE)
        lease.renew()
        assert lease.lost_to is not None
        assert not lease.valid
    assert place.read(LEASE) == before


def test_one_that_cannot_be_renewed_is_not_relied_upon_when_it_runs_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LASTS_S", 0.05)
    lease = Lease(place_at(tmp_path))
    lease.take(None)
    time.sleep(0.1)
    assert not lease.valid


def test_what_is_no_lease_is_refused(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    place.write_all({LEASE: b"[]"})
    with pytest.raises(InputError, match="written by Tunehound"):
        holder(place)
