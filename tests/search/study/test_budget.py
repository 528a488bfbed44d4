"""A sweep's hours add up over its sessions, and a budget that is spent ends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.study.budget import Meter, Spending, exhausted
from search.study.study import Study
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
    assert exhausted(budget, Spending(), **SLOT) is None
    reason = exhausted(budget, Spending(**used), **SLOT)
    assert reason is not None
    assert next(iter(limit)) in reason


def test_no_limits_are_never_spent() -> None:
    everything = Spending(hours=1e6, epochs=1e9, slot_hours=1e6)
    assert exhausted(Budget(), everything, gpus=8, usd_per_hour=100, reserved=everything) is None


def test_a_search_leaves_what_the_confirmation_will_take() -> None:
    budget, to_come = Budget(epochs=100), Spending(epochs=30)
    assert exhausted(budget, Spending(epochs=69), **SLOT, reserved=to_come) is None
    assert exhausted(budget, Spending(epochs=70), **SLOT, reserved=to_come) == (
        "the rest of budget.epochs = 100 is reserved for the confirmation"
    )


def test_a_search_has_half_of_a_budget_however_dear_the_confirmation() -> None:
    assert exhausted(Budget(usd=4), Spending(slot_hours=0.9), **SLOT, reserved=Spending(slot_hours=1e3)) is None
    assert exhausted(Budget(usd=4), Spending(slot_hours=1.0), **SLOT, reserved=Spending(slot_hours=1e3)) is not None
