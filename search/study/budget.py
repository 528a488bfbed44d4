"""What a sweep has spent over all its sessions, and the limits of its budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from search.study.study import Study
from spaces.file.sweep import Budget

NOTE = "spent"
KEEP_S = 30.0
"""The sums are saved no more often than this; what a killed driver had not saved is not counted."""


class Meter:
    """Sums up the hours of a sweep.

    Args:
        study: whose journal keeps the sums.
        held: returns the number of slots held now.
    """

    def __init__(self, study: Study, held: Callable[[], int], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._study, self._held, self._clock = study, held, clock
        kept = study.note(NOTE) or {}
        self.hours: float = kept.get("hours", 0.0)
        """Wall-clock time of all sessions."""
        self.slot_hours: float = kept.get("slot_hours", 0.0)
        """Time that trials held their slots, summed."""
        self._read = self._kept = clock()

    def read(self) -> None:
        """Add the time since the last call. Call it often."""
        now = self._clock()
        hours, self._read = (now - self._read) / 3600, now
        self.hours += hours
        self.slot_hours += hours * self._held()
        if now - self._kept > KEEP_S:
            self.keep()

    def keep(self) -> None:
        """Save the sums in the journal."""
        self._kept = self._read
        self._study.keep_note(NOTE, {"hours": round(self.hours, 6), "slot_hours": round(self.slot_hours, 6)})


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What a sweep has spent, or what a part of it is expected to."""

    hours: float = 0.0
    """Wall-clock time."""
    epochs: float = 0.0
    """Epochs trained, over all trials."""
    slot_hours: float = 0.0
    """Time that trials hold their slots, summed."""

    def by_limit(self, *, gpus: float, usd_per_hour: float) -> dict[str, float]:
        """Return the amounts by the names of a budget's limits; GPUs and price are per slot."""
        return {
            "hours": self.hours,
            "epochs": self.epochs,
            "gpu_hours": self.slot_hours * gpus,
            "usd": self.slot_hours * usd_per_hour,
        }


def exhausted(
    budget: Budget, spent: Spending, *, gpus: float, usd_per_hour: float, reserved: Spending = Spending()
) -> str | None:
    """Return which limit of a budget is reached, in words; None if none is.

    Args:
        budget: the limits.
        spent: so far.
        gpus: per slot.
        usd_per_hour: per slot.
        reserved: the expected cost of the confirmation, of which at most half of each limit is reserved.
    """
    used, kept = (each.by_limit(gpus=gpus, usd_per_hour=usd_per_hour) for each in (spent, reserved))
    for name, amount in used.items():
        limit = getattr(budget, name)
        if limit is not None and amount >= limit:
            return f"budget.{name} = {limit:g} is spent"
        if limit is not None and amount + min(kept[name], limit / 2) >= limit:
            return f"the rest of budget.{name} = {limit:g} is reserved for the confirmation"
    return None
