"""When a sweep ends early."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from search.ending import Ending, spent
from spaces.sweep import Budget

NOTHING_USED = {"hours": 0.0, "epochs": 0, "slot_hours": 0.0, "gpus": 0.5, "usd_per_hour": 2.0}


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
    assert spent(budget, **NOTHING_USED) is None
    reason = spent(budget, **(NOTHING_USED | used))
    assert reason is not None
    assert next(iter(limit)) in reason


def test_no_limits_are_never_spent() -> None:
    assert spent(Budget(), hours=1e6, epochs=10**9, slot_hours=1e6, gpus=8, usd_per_hour=100) is None


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
