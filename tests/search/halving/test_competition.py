"""Who waits, goes on and stops at rungs with planned places."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.halving.competition import Competition, places, planned_epochs
from search.halving.rungs import ladder


def competition(trials: int, *, finishers: int = 1, rungs: tuple[int, ...] = (1, 3)) -> Competition:
    return Competition(trials, rungs=rungs, reduction_factor=3, finishers=finishers)


@pytest.mark.parametrize(
    ("trials", "grace_epochs", "finishers", "epochs"),
    [(24, 3, 3, 198), (48, 3, 3, 354)],
)
def test_the_epochs_of_a_search_are_known_beforehand(
    trials: int, grace_epochs: int, finishers: int, epochs: int
) -> None:
    """With the baseline, which takes no place."""
    rungs = ladder(grace_epochs=grace_epochs, reduction_factor=3, epochs=27)
    counts = places(trials - 1, rungs=len(rungs), reduction_factor=3, finishers=finishers)
    assert planned_epochs(counts, rungs, epochs=27) + 27 == epochs


def test_trials_wait_until_all_are_there_and_the_best_go_on() -> None:
    five = competition(5)
    assert [five.report(k, epoch=1, score=s) for k, s in enumerate([0.2, 0.9, 0.1])] == ["wait"] * 3
    assert five.report(3, epoch=1, score=0.3) == "wait"
    assert five.ready() == [1]  # one more is to come, and two go on
    assert five.report(4, epoch=1, score=0.05) == "stop"
    assert five.ready() == [1, 3]
    assert five.stopped == {0, 2, 4}


def test_who_cannot_be_overtaken_goes_on_at_once() -> None:
    three = competition(3, finishers=2)
    assert three.report(0, epoch=1, score=0.1) == "wait"
    assert three.report(1, epoch=1, score=0.2) == "go on"  # one is to come, and two go on
    assert three.report(2, epoch=1, score=0.3) == "go on"
    assert three.stopped == {0}


def test_an_epoch_between_rungs_or_one_repeated_decides_nothing() -> None:
    three = competition(3, finishers=1)
    assert three.report(0, epoch=2, score=0.5) == "go on"
    assert three.report(0, epoch=1, score=0.5) == "wait"
    assert three.report(0, epoch=1, score=0.9) == "wait"
    assert three.scores[0] == {0: 0.5}


def test_a_trial_that_ended_by_itself_takes_its_place_at_higher_rungs() -> None:
    three = competition(3, finishers=2)
    three.end(0, score=0.9)
    three.report(1, epoch=1, score=0.5)
    three.report(2, epoch=1, score=0.1)
    assert three.promoted[0] == {0, 1}
    assert three.scores[1] == {0: 0.9}
    assert three.ready() == [1]


def test_a_trial_that_ended_at_its_rung_competes_on_once_it_is_promoted() -> None:
    two = competition(2, finishers=2)
    two.report(0, epoch=1, score=0.4)
    two.end(0, score=0.4)
    assert two.scores[1] == {0: 0.4}
    assert two.ready() == []


def test_a_trial_that_failed_is_not_waited_for_and_takes_nobodys_place() -> None:
    three = competition(3, finishers=1)
    three.report(0, epoch=1, score=0.2)
    three.end(1, score=None)
    three.report(2, epoch=1, score=0.1)
    assert three.promoted[0] == {0}
    three.end(0, score=None)
    assert three.scores[1] == {0: -math.inf}


def test_a_trial_that_was_stopped_competes_no_more() -> None:
    two = competition(2)
    two.report(0, epoch=1, score=0.2)
    assert two.report(1, epoch=1, score=0.1) == "stop"
    two.end(1, score=0.1)
    assert two.scores[1] == {}


def test_if_fewer_come_the_rung_closes_with_who_is_there() -> None:
    many = competition(30, finishers=2)
    for number in range(6):
        many.report(number, epoch=1, score=number / 10)
    assert many.ready() == []
    many.expect(6)
    assert many.places == (6, 2, 2)
    assert many.ready() == [5, 4]
    assert many.stopped == {0, 1, 2, 3}


@settings(max_examples=200, deadline=None)
@given(
    trials=st.integers(1, 40),
    grace_epochs=st.integers(1, 9),
    factor=st.integers(2, 5),
    finishers=st.integers(1, 4),
    slots=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
    accidents=st.sampled_from([0.0, 0.1, 0.5]),
)
def test_whatever_happens_every_trial_ends_and_the_same_journal_decides_the_same(
    *, trials: int, grace_epochs: int, factor: int, finishers: int, slots: int, seed: int, accidents: float
) -> None:
    """Slots at random speeds; without accidents the epochs are those planned."""
    rungs = ladder(grace_epochs=grace_epochs, reduction_factor=factor, epochs=27)
    first, second = (Competition(trials, rungs=rungs, reduction_factor=factor, finishers=finishers) for _ in range(2))
    epochs = play(first, trials, slots=slots, seed=seed, accidents=accidents)
    assert play(second, trials, slots=slots, seed=seed, accidents=accidents) == epochs
    assert (first.stopped, first.scores, first.promoted) == (second.stopped, second.scores, second.promoted)
    assert not any(first.waits(number) for number in range(trials))
    assert first.ready() == []
    if not accidents:
        assert epochs == planned_epochs(first.places, rungs, epochs=27)


def play(one: Competition, trials: int, *, slots: int, seed: int, accidents: float) -> int:
    """Train until nothing is left to train; returns the epochs."""
    random = np.random.default_rng(seed)
    at, running, begun, spent = dict.fromkeys(range(trials), 0), set[int](), 0, 0
    while True:
        while len(running) < slots and (one.ready() or begun < trials):
            number = (one.ready() or [begun])[0]
            begun += number == begun
            one.take(number)
            running.add(number)
        if not running:
            return spent
        number = sorted(running)[int(random.integers(len(running)))]
        at[number], spent = at[number] + 1, spent + 1
        score = float(random.integers(10))
        decision = one.report(number, epoch=at[number], score=score)
        accident = bool(random.random() < accidents)
        if accident or at[number] == 27:
            one.end(number, score=score if random.random() < 0.5 else None)
        if accident or at[number] == 27 or decision != "go on":
            running.discard(number)
