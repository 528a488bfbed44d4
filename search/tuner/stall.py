"""Detect a sweep that makes no progress: trials that do not start although slots are free, epochs that do not end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from search.formatting import format_count, format_duration

IDLE_S = 60.0
"""Free slots may stay empty for this long: a process takes some tens of seconds to start."""
SLOW_FACTOR, SLOW_S = 10.0, 120.0
"""An epoch is reported if it takes this many times as long as the slowest before it, and at least this long."""
AGAIN_S = 600.0
"""The message is not repeated sooner."""


class Activity(Protocol):
    """The part of a recorder that shows what trains."""

    epochs: int
    """Number of epochs trained so far."""

    @property
    def running(self) -> Mapping[int, object]:
        """The trials that were started."""


class Stall:
    """Checks in every iteration of Ray Tune's loop whether the sweep makes progress.

    Args:
        recorder: shows what trains.
        slots: returns how many slots are free, by Ray's own account, and how many there are.
        message: shows a sentence to the user.
        clock: in seconds; only differences count.
    """

    def __init__(
        self,
        recorder: Activity,
        *,
        slots: Callable[[], tuple[int, int]],
        message: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recorder, self._slots, self._message, self._clock = recorder, slots, message, clock
        self._seen: tuple[int, frozenset[int]] = (recorder.epochs, frozenset(recorder.running))
        self._moved_at, self._said_at = clock(), -AGAIN_S
        self._slowest_s: float | None = None

    def check(self) -> None:
        """Show a message if nothing has progressed for long."""
        now, seen = self._clock(), (self._recorder.epochs, frozenset(self._recorder.running))
        if seen != self._seen:
            if seen[0] != self._seen[0]:
                self._slowest_s = max(self._slowest_s or 0.0, now - self._moved_at)
            self._seen, self._moved_at = seen, now
            return
        still_s = now - self._moved_at
        if still_s < IDLE_S or now - self._said_at < AGAIN_S:
            return
        if finding := self._not_started(still_s) or self._slow_epoch(still_s):
            self._said_at = now
            self._message(f"{finding} Ctrl-C stops the sweep cleanly; `tunehound resume` continues it.")

    def _not_started(self, still_s: float) -> str | None:
        """Trials wait although slots are free."""
        free, slots = self._slots()
        handed_out = len(self._recorder.running)
        if not free or (handed_out and handed_out <= slots - free):
            return None
        return (
            f"No progress for {format_duration(still_s)} although {free} of {format_count(slots, 'slot')} are free: "
            f"{format_count(handed_out, 'trial')} waiting, and Ray starts none of them."
        )

    def _slow_epoch(self, still_s: float) -> str | None:
        """An epoch takes far longer than all before it."""
        if self._slowest_s is None or still_s < max(SLOW_S, SLOW_FACTOR * self._slowest_s):
            return None
        return (
            f"No epoch has ended for {format_duration(still_s)}; until then, one ended at least every "
            f"{format_duration(self._slowest_s)}. Still training: {format_count(len(self._recorder.running), 'trial')}."
        )
