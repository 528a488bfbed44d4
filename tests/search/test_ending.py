"""When a sweep ends early."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from search.ending import Cost, Ending, spent
from spaces.sweep import Budget

SLOT = {"gpus": 0.5, "usd_per_hour": 2.0}


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


def test_running_trials_are_told_to_stop_once() -> None:
    told: list[str] = []
    ending = Ending(lambda: told.append("stop"))
    ending.no_more("every configuration was tried")
    assert not told
    ending.now("interrupted")
    ending.now("budget.epochs = 3 is spent")
    assert told == ["stop"]
    assert ending.reason == "interrupted"
    assert not ending.overdue()


def test_a_record_that_cannot_be_written_stops_everything_and_is_remembered() -> None:
    told: list[str] = []
    ending = Ending(lambda: told.append("stop"))
    for number in (errno.ENOSPC, errno.EIO):
        with ending.at_failure():
            raise OSError(number, os.strerror(number))
    assert told == ["stop"]
    assert ending.failure is not None
    assert ending.failure.errno == errno.ENOSPC
    assert ending.reason == os.strerror(errno.ENOSPC)


def test_a_mistake_of_ours_is_no_failure_of_the_disk() -> None:
    ending = Ending(lambda: None)
    with pytest.raises(KeyError), ending.at_failure():
        raise KeyError("ours")
    assert not ending.early
