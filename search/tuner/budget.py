"""What a sweep has taken, over all its sessions, and the limits of its budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from search.study.study import Study
from spaces.file.sweep import Budget

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


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a sweep took, or what a part of it is going to take."""

    hours: float = 0.0
    """Wall-clock time."""
    epochs: float = 0.0
    """Trained, over all trials."""
    slot_hours: float = 0.0
    """Time that trials hold their slots, added up."""

    def measured(self, *, gpus: float, usd_per_hour: float) -> dict[str, float]:
        """By the names of a budget's limits; GPUs and price are those of one slot."""
        return {
            "hours": self.hours,
            "epochs": self.epochs,
            "gpu_hours": self.slot_hours * gpus,
            "usd": self.slot_hours * usd_per_hour,
        }


def spent(budget: Budget, cost: Cost, *, gpus: float, usd_per_hour: float, to_come: Cost = Cost()) -> str | None:
    """Which limit of a budget is reached, in words; None while there is some left of everything.

    Args:
        budget: the limits.
        cost: what was spent.
        gpus: of one slot.
        usd_per_hour: of one slot.
        to_come: what the confirmation will take: it is kept for it, but never more than half of a limit.
    """
    used, kept = (each.measured(gpus=gpus, usd_per_hour=usd_per_hour) for each in (cost, to_come))
    for name, amount in used.items():
        limit = getattr(budget, name)
        if limit is not None and amount >= limit:
            return f"budget.{name} = {limit:g} is spent"
        if limit is not None and amount + min(kept[name], limit / 2) >= limit:
            return f"of budget.{name} = {limit:g} the rest is kept for the confirmation"
    return None
