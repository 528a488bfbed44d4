"""The mirror never gets into the sweep's way, and gives way to another driver."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search.mirror import lease as leases
from search.mirror import mirror as mirrors
from search.mirror.lease import Lease
from search.mirror.mirror import Mirror, TakenOverError, hold_mirror, hold_new_mirror, send_finished
from spaces.problem import InputError
from tests.search.mirror.places import place_at, uploaded
from tests.search.mirror.test_lease import held_elsewhere
from tests.search.runs import make_run


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {
        "EVERY_S": 0.02,
        "SELDOM_S": 0.1,
        "LATE_S": 0.2,
        "TROUBLED_END_S": 0.2,
        "SOON_S": 0.1,
    }.items():
        monkeypatch.setattr(mirrors, name, seconds)
    monkeypatch.setattr(leases, "SETTLE_S", 0.01)


class Hanging:
    """A store that takes nothing and says nothing."""

    def __init__(self, store: Any) -> None:
        self._store, self.let_go = store, threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def pipe(self, *_: Any) -> None:
        self.let_go.wait()


class Refusing(Hanging):
    """A store that refuses."""

    def pipe(self, *_: Any) -> None:
        raise PermissionError("AccessDenied")


@pytest.mark.parametrize(("store", "reason"), [(Hanging, "no answer from file://"), (Refusing, "PermissionError: Acc")])
def test_a_store_that_hangs_or_refuses_is_told_once_and_waited_for_no_longer_than_a_bound(
    tmp_path: Path, store: type[Hanging], reason: str
) -> None:
    place = place_at(tmp_path)
    lease = Lease(replace(place, filesystem=store(place.filesystem)))
    lease._until = time.time() + 60
    said: list[str] = []
    with Mirror(lease, make_run(tmp_path / "one")).uploading(said.append) as halted:
        deadline = time.monotonic() + 60
        while len(said) < 2 and time.monotonic() < deadline:
            assert not halted()
            time.sleep(0.01)
        assert not halted()
    assert said[0] == f"Mirroring to {place.uri}"
    assert said[1].startswith(f"The mirror is behind ({reason}")
    assert said[-1].startswith(f"Not up to date at {place.uri}: study.journal, ")
    assert said[-1].endswith(f"To upload them: tunehound resume {tmp_path / 'one'}")
    assert len([line for line in said if "behind" in line]) == 1
    lease.store.filesystem.let_go.set()


def test_the_last_of_a_run_is_sent_at_its_end(tmp_path: Path) -> None:
    run, place = make_run(tmp_path / "one"), place_at(tmp_path)
    said: list[str] = []
    with hold_new_mirror(place) as lease:
        assert lease
        with Mirror(lease, run).uploading(said.append):
            (run / "leaderboard.csv").write_text("the end")
    assert place.read("leaderboard.csv") == b"the end"
    assert said == [f"Mirroring to {place.uri}"]
    assert not (run / ".lease").exists()


def test_a_driver_whose_mirror_was_taken_over_stops_and_writes_there_no_more(tmp_path: Path) -> None:
    run, place = make_run(tmp_path / "one"), place_at(tmp_path)
    with hold_new_mirror(place) as lease:
        assert lease
        mirror = Mirror(lease, run)
        with mirror.uploading(lambda _: None) as halted:
            assert not halted()
            held_elsewhere(place, until=time.time() + 60)
            lease.renew()
            assert halted()
            (run / "leaderboard.csv").write_text("the end")
        with pytest.raises(TakenOverError, match="taken over by process 41 on head-2"):
            mirror.check_not_taken_over()
    assert place.read("leaderboard.csv") is None


def test_a_new_run_is_refused_where_something_lies(tmp_path: Path) -> None:
    uploaded(make_run(tmp_path / "one"), place_at(tmp_path))
    with pytest.raises(InputError, match=r"tunehound resume file://"), hold_new_mirror(place_at(tmp_path)):
        pass


def test_what_a_finished_run_could_not_send_is_sent_later(tmp_path: Path) -> None:
    run, place = make_run(tmp_path / "one"), place_at(tmp_path)
    said: list[str] = []
    send_finished(run, place.uri, message=said.append)
    assert place.read("study.journal") == (run / "study.journal").read_bytes()
    assert said == [f"{place.uri} is up to date."]


def test_a_run_is_held_before_what_its_mirror_has_is_fetched(tmp_path: Path) -> None:
    run, place = make_run(tmp_path / "one"), place_at(tmp_path)
    held_elsewhere(place, until=time.time() + 60)
    with pytest.raises(InputError, match="another one is driving it"), hold_mirror(run, place.uri, message=print):
        pass
