"""The clock of a search: hours in which it was driven, pauses left out."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.report.timeline import course

NINE = datetime(2026, 1, 2, 9, 0)


def trial(number: int, *, began: float, ended: float | None, trained: float | None = None) -> FrozenTrial:
    """Times in minutes after nine."""
    known = {} if trained is None else {"seconds": 60 * trained}
    made = create_trial(state=TrialState.RUNNING if ended is None else TrialState.FAIL, user_attrs=known)
    made.number = number
    made.datetime_start = NINE + timedelta(minutes=began)
    made.datetime_complete = None if ended is None else NINE + timedelta(minutes=ended)
    return made


def test_without_pauses_the_clock_is_the_clock_on_the_wall() -> None:
    clock = course([trial(0, began=0, ended=30, trained=30), trial(1, began=5, ended=20, trained=14)])
    assert clock is not None
    assert clock.ended == {1: 20 * 60, 0: 30 * 60}
    assert clock.pauses == {}


def test_a_night_between_two_trials_is_cut_out() -> None:
    clock = course([trial(0, began=0, ended=10, trained=10), trial(1, began=610, ended=620, trained=10)])
    assert clock is not None
    assert clock.ended == {0: 600, 1: 1200}
    assert clock.pauses == {600: 36000}


def test_a_night_within_a_trial_that_was_continued_is_cut_out() -> None:
    clock = course([trial(0, began=0, ended=10, trained=10), trial(1, began=5, ended=625, trained=20)])
    assert clock is not None
    assert clock.ended[1] == pytest.approx((10 + 20) * 60)
    assert sum(clock.pauses.values()) == pytest.approx(595 * 60)


def test_a_trial_that_still_runs_may_have_trained_all_the_time() -> None:
    clock = course([trial(0, began=0, ended=1, trained=1), trial(1, began=0, ended=None), trial(2, began=90, ended=99)])
    assert clock is not None
    assert clock.ended[2] == 99 * 60


def test_before_any_trial_has_ended_there_is_no_course() -> None:
    assert course([trial(0, began=0, ended=None)]) is None
