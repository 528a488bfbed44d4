"""How long a sweep has been driven and its slots held, over all its sessions; what a budget is measured against."""

from __future__ import annotations

import time
from collections.abc import Callable

from search.study import Study

NOTE = "spent"
KEEP_S = 30.0
"""The journal is told no more often than this; what a killed driver had not told is not counted."""


class Meter:
    """Adds up the hours of a sweep.

    Args:
        study: keeps the sums in its journal.
        held: how many slots are held now.
    """

    def __init__(self, study: Study, held: Callable[[], int], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._study, self._held, self._clock = study, held, clock
        spent = study.note(NOTE) or {}
        self.hours: float = spent.get("hours", 0.0)
        """Wall-clock time in which the sweep was driven."""
        self.slot_hours: float = spent.get("slot_hours", 0.0)
        """Time that trials held their slots, added up."""
        self._read = self._kept = clock()

    def read(self) -> None:
        """Counts the time since the last reading. To be called often."""
        now = self._clock()
        hours, self._read = (now - self._read) / 3600, now
        self.hours += hours
        self.slot_hours += hours * self._held()
        if now - self._kept > KEEP_S:
            self.keep()

    def keep(self) -> None:
        """Enters the sums into the journal."""
        self._kept = self._read
        self._study.keep_note(NOTE, {"hours": round(self.hours, 6), "slot_hours": round(self.slot_hours, 6)})
