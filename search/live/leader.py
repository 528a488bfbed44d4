"""Which trial leads while a sweep runs, kept without comparing all trials at every epoch."""

from __future__ import annotations

import math

from spaces.config.metric import Direction


class Leader:
    """The best values of the trials so far, and which of them leads; ties go to the lower number."""

    def __init__(self, direction: Direction) -> None:
        self._direction = direction
        self._values: dict[int, float] = {}
        self.number: int | None = None
        """Of the leading trial; None before any has a value."""

    def value(self, number: int | None) -> float | None:
        """Return a trial's value, None if it has none that counts."""
        return None if number is None else self._values.get(number)

    def record(self, number: int, value: float | None) -> None:
        """Record a trial's value, or None if it no longer counts. Compare all trials only if the leader drops out."""
        leader_key = None if self.number is None else self._sort_key(self.number)
        if value is None:
            self._values.pop(number, None)
        else:
            self._values[number] = value
        if value is not None and (leader_key is None or self._sort_key(number) <= leader_key):
            self.number = number
        elif number == self.number:
            self.number = min(self._values, key=self._sort_key, default=None)

    def better_of(self, first: float, second: float) -> float:
        """Return the better of two values, of which either may be NaN; NaN if both are."""
        known = [value for value in (first, second) if math.isfinite(value)]
        return (max if self._direction == "maximize" else min)(known, default=math.nan)

    def _sort_key(self, number: int) -> tuple[float, int]:
        """A sort key that puts the leading trial first."""
        value = self._values[number]
        return (-value if self._direction == "maximize" else value), number
