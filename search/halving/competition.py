"""Successive halving with planned places: trials wait at rungs until it is known who goes on.

The method is asynchronous successive halving in its promoting form (Li et al., "A System for Massively Parallel
Hyperparameter Tuning", MLSys 2020), with one difference: as the number of trials is planned, so is the number of places
at every rung, and with it the number of epochs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

Decision = Literal["go on", "wait", "stop"]
FINISHERS = 3
"""At least so many trials of a competition train to their end, if it has as many."""


def places(trials: int, *, rungs: int, reduction_factor: int, finishers: int = FINISHERS) -> tuple[int, ...]:
    """Return how many trials begin, and how many go on at each rung, the lowest first; the last ones finish.

    Args:
        trials: that compete.
        rungs: their number.
        reduction_factor: about one in this many goes on.
        finishers: at least so many go on at each rung.
    """
    counts = [trials]
    for _ in range(rungs):
        counts.append(min(counts[-1], max(finishers, round(counts[-1] / reduction_factor))))
    return tuple(counts)


def planned_epochs(counts: Sequence[int], rungs: Sequence[int], *, epochs: int) -> int:
    """Return the epochs of all trials of a competition, if none ends by itself before the horizon of ``epochs``."""
    stops = (0, *rungs, epochs)
    return sum(count * (last - first) for count, (first, last) in zip(counts, pairwise(stops), strict=True))


class Competition:
    """The trials that compete for the same places, by number. The same calls in the same order decide the same.

    Scores are the best so far; higher ones are better: a loss enters with its sign changed. Ties go to the lower
    number.

    Args:
        trials: how many will compete; `expect` corrects it.
        rungs: epochs at which trials wait, the lowest first.
        reduction_factor: about one in this many of the trials at a rung goes on.
        finishers: at least so many train to their end.
    """

    def __init__(self, trials: int, *, rungs: Sequence[int], reduction_factor: int, finishers: int = FINISHERS) -> None:
        self.rungs = tuple(rungs)
        self._reduction_factor, self._finishers = reduction_factor, finishers
        self.places = self._places(trials)
        """How many begin, and how many go on at each rung."""
        self.scores: tuple[dict[int, float], ...] = tuple({} for _ in self.rungs)
        """By rung, the score of every trial that came there; −∞ if it cannot go on, since it diverged or failed."""
        self.promoted: tuple[set[int], ...] = tuple(set() for _ in self.rungs)
        """By rung, who goes on."""
        self.stopped: set[int] = set()
        """Who came to a rung that has closed, and does not go on."""
        self._rung: dict[int, int] = {}
        """The position of the last rung that each trial came to."""
        self._ended: dict[int, float] = {}
        """The scores of trials that ended by themselves: they compete on, but do not train."""
        self._ready: set[int] = set()

    def report(self, number: int, *, epoch: int, score: float) -> Decision:
        """Enter the best score of a trial after an epoch, and return what the trial does next."""
        if number in self.stopped:
            return "stop"
        if epoch not in self.rungs or number in self.scores[self.rungs.index(epoch)]:
            return "wait" if self.waits(number) else "go on"
        self._enter(number, self.rungs.index(epoch), score)
        if number in self._ready:  # nobody can overtake it any more
            self._ready.remove(number)
            return "go on"
        return "stop" if number in self.stopped else "wait"

    def end(self, number: int, *, score: float | None) -> None:
        """Enter a trial that ended by itself: it competes with its score at higher rungs; with none it ranks last."""
        self._ended[number] = -math.inf if score is None else score
        self._ready.discard(number)
        if number not in self.stopped and not self.waits(number):
            self._enter_next(number)

    def expect(self, trials: int) -> None:
        """Correct how many trials compete: no others will come. Who goes on already still does."""
        taken = [0, *map(len, self.promoted)]
        self.places = tuple(max(pair) for pair in zip(self._places(trials), taken, strict=True))
        for rung in range(len(self.rungs)):
            self._close(rung)

    def waits(self, number: int) -> bool:
        """Return whether a trial waits at a rung that has not closed for it."""
        rung = self._rung.get(number)
        return rung is not None and number not in self.promoted[rung] and number not in self.stopped

    def ready(self) -> list[int]:
        """Return who waited and may go on now: from the highest rung first, and there the best first."""
        return sorted(self._ready, key=self._by_rung)

    def take(self, number: int) -> None:
        """Note that a trial of `ready` trains again."""
        self._ready.discard(number)

    def _places(self, trials: int) -> tuple[int, ...]:
        return places(trials, rungs=len(self.rungs), reduction_factor=self._reduction_factor, finishers=self._finishers)

    def _by_rung(self, number: int) -> tuple[int, float, int]:
        rung = self._rung[number]
        return -rung, -self.scores[rung][number], number

    def _enter(self, number: int, rung: int, score: float) -> None:
        self.scores[rung][number] = score
        self._rung[number] = rung
        self._close(rung)

    def _enter_next(self, number: int) -> None:
        """Enter a trial that ended by itself at the rung after the last one that it came to."""
        rung = self._rung.get(number, -1) + 1
        if rung < len(self.rungs):
            self._enter(number, rung, self._ended[number])

    def _close(self, rung: int) -> None:
        """Let go on who is sure of a place; once all are there, stop the others."""
        scores, promoted = self.scores[rung], self.promoted[rung]
        waiting = sorted((number for number in scores if self.waits(number)), key=lambda n: (-scores[n], n))
        waiting = [number for number in waiting if self._rung[number] == rung]
        to_come = max(0, self.places[rung] - len(scores))
        sure = waiting[: max(0, self.places[rung + 1] - len(promoted) - to_come)]
        promoted.update(sure)
        if not to_come:
            self.stopped.update(set(waiting) - set(sure))
        for number in sure:
            if number in self._ended:
                self._enter_next(number)
            else:
                self._ready.add(number)
