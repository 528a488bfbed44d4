"""The product's competitions as policies of a player of recorded learning curves.

Such a player trains nothing: it asks a policy after every epoch what a trial does next, and reads the curve of the
trial on. It takes a class with the methods of `_Policy`, made with the number of trials, the baseline among them:

    python PLAYER.py CURVES.jsonl --policy module:x=tests/benchmarks/planned_halving.py.Planned --trials 24
"""

from __future__ import annotations

from collections.abc import Sequence

from search.halving.competition import Competition
from search.halving.rungs import ladder

EPOCHS, REDUCTION_FACTOR = 27, 3
WORDS = {"go on": "go", "wait": "pause", "stop": "stop"}


class _Policy:
    """Asks the competition that each trial belongs to; the baseline, trial 0, belongs to none.

    Args:
        competitions: the number of trials, the first rung and the finishers of each, in the order of the trials.
    """

    def __init__(self, competitions: Sequence[tuple[int, int, int]]) -> None:
        self._competitions: list[Competition] = []
        self._of: dict[int, Competition] = {}
        for trials, grace_epochs, finishers in competitions:
            rungs = ladder(grace_epochs=grace_epochs, reduction_factor=REDUCTION_FACTOR, epochs=EPOCHS)
            one = Competition(trials, rungs=rungs, reduction_factor=REDUCTION_FACTOR, finishers=finishers)
            self._competitions.append(one)
            self._of |= dict.fromkeys(range(len(self._of) + 1, len(self._of) + 1 + trials), one)
        self.rungs = list(self._competitions[0].rungs)

    def enter(self, number: int, epoch: int, score: float) -> str:
        """Return whether a trial goes on, pauses or stops."""
        return WORDS[self._of[number].report(number, epoch=epoch, score=score)] if number else "go"

    def finish(self, number: int, score: float) -> None:
        """Enter a trial that ended by itself."""
        if number:
            self._of[number].end(number, score=score)

    def resume(self) -> int | None:
        """Return a waiting trial that goes on."""
        for one in self._competitions:
            if ready := one.ready():
                one.take(ready[0])
                return ready[0]
        return None

    def ahead(self) -> None:
        """Let nobody go on who might still be stopped."""

    def over(self, number: int) -> bool:
        """Return whether a waiting trial was stopped."""
        return bool(number) and number in self._of[number].stopped


class Planned(_Policy):
    """One competition, whose first rung is epoch 3."""

    def __init__(self, trials: int) -> None:
        super().__init__([(trials - 1, 3, 3)])


class Two(_Policy):
    """The first half of the trials competes from epoch 1, the others apart from epoch 3."""

    def __init__(self, trials: int) -> None:
        first = max(1, (trials + 1) // 2 - 1)
        super().__init__([(first, 1, 2), (trials - 1 - first, 3, 2)])
