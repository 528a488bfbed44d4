"""A sweep's hours add up over its sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.meter import Meter
from search.study import Study
from spaces.load import load_sweep
from tests.search.commands import TINY


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "tiny.yaml").write_text(TINY)
    return Study(tmp_path / "study.journal", load_sweep(tmp_path / "tiny.yaml"))


def test_time_counts_once_for_the_sweep_and_once_for_every_slot_held(study: Study) -> None:
    clock, held = Clock(), [1, 3, 3]
    meter = Meter(study, lambda: held.pop(0), clock=clock)
    for seconds in (1800, 900, 900):
        clock.now_s += seconds
        meter.read()
    assert meter.hours == pytest.approx(1.0)
    assert meter.slot_hours == pytest.approx(2.0)


def test_the_next_session_goes_on_where_the_last_one_ended(study: Study) -> None:
    clock = Clock()
    first = Meter(study, lambda: 2, clock=clock)
    clock.now_s += 3600
    first.read()
    first.keep()
    clock.now_s += 86_400  # nobody drives the sweep
    second = Meter(study, lambda: 2, clock=clock)
    clock.now_s += 1800
    second.read()
    assert (second.hours, second.slot_hours) == (pytest.approx(1.5), pytest.approx(3.0))


def test_a_killed_session_loses_half_a_minute_at_most(study: Study) -> None:
    clock = Clock()
    killed = Meter(study, lambda: 0, clock=clock)
    for _ in range(100):
        clock.now_s += 1
        killed.read()
    assert Meter(study, lambda: 0, clock=clock).hours == pytest.approx(100 / 3600, abs=31 / 3600)
