"""A sweep's hours add up over its sessions, and a spent budget ends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.study.study import Study
from search.tuner.budget import Cost, Meter, spent
from spaces.file.load import load_sweep
from spaces.file.sweep import Budget
from tests.search.commands import TINY

SLOT = {"gpus": 0.5, "usd_per_hour": 2.0}


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


@pytest.mark.parametrize(
    ("limit", "used"),
    [
        ({"hours": 1.0}, {"hours": 1.0}),
        ({"epochs": 10}, {"epochs": 10}),
        ({"gpu_hours": 3.0}, {"slot_hours": 6.0}),
        ({"usd": 4.0}, {"slot_hours": 2.0}),
    ],
)
def test_each_limit_of_a_budget_ends_the_sweep_when_reached(limit: dict[str, Any], used: dict[str, Any]) -> None:
    budget = Budget(**limit)
    assert spent(budget, Cost(), **SLOT) is None
    reason = spent(budget, Cost(**used), **SLOT)
    assert reason is not None
    assert next(iter(limit)) in reason


def test_no_limits_are_never_spent() -> None:
    everything = Cost(hours=1e6, epochs=1e9, slot_hours=1e6)
    assert spent(Budget(), everything, gpus=8, usd_per_hour=100, to_come=everything) is None


def test_a_search_leaves_what_the_confirmation_will_take() -> None:
    budget, to_come = Budget(epochs=100), Cost(epochs=30)
    assert spent(budget, Cost(epochs=69), **SLOT, to_come=to_come) is None
    assert spent(budget, Cost(epochs=70), **SLOT, to_come=to_come) == (
        "of budget.epochs = 100 the rest is kept for the confirmation"
    )


def test_a_search_has_half_of_a_budget_however_dear_the_confirmation() -> None:
    assert spent(Budget(usd=4), Cost(slot_hours=0.9), **SLOT, to_come=Cost(slot_hours=1e3)) is None
    assert spent(Budget(usd=4), Cost(slot_hours=1.0), **SLOT, to_come=Cost(slot_hours=1e3)) is not None
