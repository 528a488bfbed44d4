"""A sweep that stands still says so: trials that do not start although there is room, epochs that do not end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from search.formatting import counted, duration

IDLE_S = 60.0
"""So long free slots may stay empty: a process takes some tens of seconds to start."""
SLOW_FACTOR, SLOW_S = 10.0, 120.0
"""An epoch that takes so many times as long as the slowest before it, and at least so long, is worth a word."""
AGAIN_S = 600.0
"""What was said is not said again sooner."""


class Progress(Protocol):
    """Who knows what trains."""

    epochs: int
    """Trained so far."""

    @property
    def running(self) -> Mapping[int, object]:
        """The trials that are handed out."""


class Stall:
    """Looks at every turn of Ray Tune's loop whether anything moves.

    Args:
        recorder: knows what trains.
        slots: how many slots hold no trial now, and how many there are; by what Ray says is free.
        message: tells the user.
        clock: in seconds; only differences count.
    """

    def __init__(
        self,
        recorder: Progress,
        *,
        slots: Callable[[], tuple[int, int]],
        message: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recorder, self._slots, self._message, self._clock = recorder, slots, message, clock
        self._seen: tuple[int, frozenset[int]] = (recorder.epochs, frozenset(recorder.running))
        self._moved_at, self._said_at = clock(), -AGAIN_S
        self._slowest_s: float | None = None

    def look(self) -> None:
        """Says what stands still, if anything does."""
        now, seen = self._clock(), (self._recorder.epochs, frozenset(self._recorder.running))
        if seen != self._seen:
            if seen[0] != self._seen[0]:
                self._slowest_s = max(self._slowest_s or 0.0, now - self._moved_at)
            self._seen, self._moved_at = seen, now
            return
        still_s = now - self._moved_at
        if still_s < IDLE_S or now - self._said_at < AGAIN_S:
            return
        if told := self._empty(still_s) or self._slow(still_s):
            self._said_at = now
            self._message(f"{told} Ctrl-C stops the sweep in order; `tunehound resume` continues it.")

    def _empty(self, still_s: float) -> str | None:
        """Trials wait although slots are free."""
        free, slots = self._slots()
        handed_out = len(self._recorder.running)
        if not free or (handed_out and handed_out <= slots - free):
            return None
        return (
            f"No progress for {duration(still_s)} although {free} of {counted(slots, 'slot')} are free: "
            f"{counted(handed_out, 'trial')} handed out, and Ray starts none of them."
        )

    def _slow(self, still_s: float) -> str | None:
        """An epoch takes far longer than all before it."""
        if self._slowest_s is None or still_s < max(SLOW_S, SLOW_FACTOR * self._slowest_s):
            return None
        return (
            f"No epoch has ended for {duration(still_s)}; before, there was one at least every "
            f"{duration(self._slowest_s)}. {counted(len(self._recorder.running), 'trial')} handed out."
        )
