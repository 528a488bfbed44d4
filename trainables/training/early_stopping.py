"""What follows a training run: learning rate, history, patience, divergence, and the report of each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from spaces.config.metric import maximised
from trainables.training.history import Reason, Row, epochs_without_gain


class Interrupted(Exception):
    """Somebody asked the training run to stop; it stopped within about a second."""


class Reporter:
    """Follows one stage of a training run. What it knows is the history; nothing else has to be saved.

    Args:
        history: the epochs so far, extended in place.
        rate: the learning rate of the epoch that follows a given history.
        last_epoch: the last epoch of the run, which may lie in a later stage.
        metric: what the run is about: NaN in the row of an epoch that diverged.
        monitor: what early stopping looks at; the first metric that waits too long ends the run.
        patience: epochs without a better value before the run ends; None never ends it.
        patience_from: epoch from which on patience is spent; better values before it count all the same.
        min_delta: smallest change that counts as better.
        on_epoch: told of every finished epoch, with the reason if it was the last.
    """

    def __init__(
        self,
        *,
        history: list[Row],
        rate: Callable[[Sequence[Row]], float],
        last_epoch: int,
        metric: str,
        monitor: Sequence[str],
        patience: int | None,
        patience_from: int,
        min_delta: float,
        on_epoch: Callable[[Row, Reason | None], None],
    ) -> None:
        self.history = history
        self.reason: Reason | None = None
        self._rate, self._last_epoch, self._on_epoch = rate, last_epoch, on_epoch
        self._metric, self._monitor, self._min_delta = metric, monitor, min_delta
        self._patience, self._patience_from = patience, patience_from

    def rate(self) -> float:
        """The learning rate of the epoch to come."""
        return self._rate(self.history)

    def epoch(self, measured: Row, *, rate: float, seconds: float) -> None:
        """Writes an epoch into the history and reports it.

        Args:
            measured: the metrics by name; after a step whose loss was not finite, the loss alone.
            rate: the learning rate.
            seconds: how long it took.
        """
        diverged = not all(math.isfinite(value) for value in measured.values())
        row = {"epoch": len(self.history) + 1, **measured, "learning_rate": rate, "seconds": round(seconds, 4)}
        if diverged:
            row[self._metric] = math.nan  # whatever was measured: a network of NaN still names some class
        self.history.append(row)
        self.reason = "diverged" if diverged else self._reason_to_end()
        self._on_epoch(row, self.reason)

    def _reason_to_end(self) -> Reason | None:
        if len(self.history) >= self._last_epoch:
            return "finished"
        if self._patience is None:
            return None
        waited = max(map(self._waited, self._monitor))
        spent = min(waited, len(self.history) - self._patience_from + 1)
        return "patience" if spent >= self._patience else None

    def _waited(self, metric: str) -> int:
        values = [row[metric] for row in self.history]
        return epochs_without_gain(values, maximise=maximised(metric), min_delta=self._min_delta)
