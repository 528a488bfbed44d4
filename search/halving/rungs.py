"""After which epochs the trials of a sweep are compared, and which of them continue."""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence

import numpy as np


def ladder(*, grace_epochs: int, reduction_factor: int, epochs: int) -> list[int]:
    """Return the rungs, lowest first: ``grace_epochs × reduction_factor^k`` below the horizon of ``epochs``."""
    rung, rungs = grace_epochs, []
    while rung < epochs:
        rungs.append(rung)
        rung *= reduction_factor
    return rungs


class Rungs:
    """The rungs of one bracket: the epochs at which trials are compared, and the score of each trial there.

    Higher scores are better: a loss enters with its sign changed.

    Args:
        grace_epochs: the first rung.
        reduction_factor: about one in this many trials at a rung continues; also the ratio between rungs.
        epochs: the horizon; rungs lie below it.
    """

    def __init__(self, *, grace_epochs: int, reduction_factor: int, epochs: int) -> None:
        self.reduction_factor = reduction_factor
        rungs = ladder(grace_epochs=grace_epochs, reduction_factor=reduction_factor, epochs=epochs)
        self.reached: dict[int, dict[int, float]] = {rung: {} for rung in rungs}
        """For each rung, lowest first, the best score so far of every trial (by number) that reached it."""
        self._in_order: dict[int, list[float]] = {rung: [] for rung in rungs}
        """The same scores, sorted: with ten thousand trials at a rung, sorting would be most of the work."""

    def judge(self, number: int, *, epoch: int, score: float) -> bool:
        """Enter the score of a trial at ``epoch``, and return whether it may continue.

        It may if ``epoch`` is no rung, or if its best-so-far ``score`` is at least the quantile 1 − 1/reduction_factor
        of those that reached the rung before it; the first one always may.
        """
        others = self.reached.get(epoch)
        if others is None or number in others:
            return True
        may_go_on = not others or score >= quantile(self._in_order[epoch], 1 - 1 / self.reduction_factor)
        self._enter(number, epoch=epoch, score=score)
        return may_go_on

    def finish(self, number: int, *, score: float) -> None:
        """Enter a trial that ended by itself into every higher rung: it would have stayed at its best."""
        for rung, others in self.reached.items():
            if number not in others:
                self._enter(number, epoch=rung, score=score)

    def _enter(self, number: int, *, epoch: int, score: float) -> None:
        self.reached[epoch][number] = score
        insort(self._in_order[epoch], score)


def quantile(in_order: Sequence[float], q: float) -> float:
    """Return ``numpy.quantile(in_order, q)`` of sorted values, for ``q`` below 1, from the two values around it."""
    place = (len(in_order) - 1) * q
    below = math.floor(place)
    return float(np.quantile(in_order[below : below + 2], place - below))
