"""Monitor a training run: learning rate, history, patience, divergence, and a callback for each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from spaces.config.metric import maximised
from trainables.training.history import Reason, Row, epochs_without_gain


class Interrupted(Exception):
    """The training run was asked to stop, and did so within about a second."""


class StageMonitor:
    """Monitors one stage of a training run. Its only state is the history; nothing else has to be saved.

    Args:
        history: the epochs so far, extended in place.
        rate: returns the learning rate for the epoch after a given history.
        last_epoch: the last epoch of the run, which may lie in a later stage.
        metric: the metric of the sweep, set to NaN in the row of an epoch that diverged.
        monitor: the metrics that early stopping monitors; the run ends when any of them stops improving.
        patience: epochs without improvement after which the run ends; None to disable.
        patience_from: first epoch that counts towards patience; earlier best values still count.
        min_delta: smallest change that counts as an improvement.
        on_epoch: called with every finished epoch, and the reason if it was the last one.
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
        """Return the learning rate of the next epoch."""
        return self._rate(self.history)

    def add_epoch(self, measured: Row, *, rate: float, seconds: float) -> None:
        """Add an epoch to the history and report it.

        Args:
            measured: the metrics by name; only the loss after a step whose loss was not finite.
            rate: the learning rate.
            seconds: how long it took.
        """
        diverged = not all(math.isfinite(value) for value in measured.values())
        row = {"epoch": len(self.history) + 1, **measured, "learning_rate": rate, "seconds": round(seconds, 4)}
        if diverged:
            row[self._metric] = math.nan  # whatever was measured: a network full of NaN still predicts some class
        self.history.append(row)
        self.reason = "diverged" if diverged else self._reason_to_end()
        self._on_epoch(row, self.reason)

    def _reason_to_end(self) -> Reason | None:
        if len(self.history) >= self._last_epoch:
            return "finished"
        if self._patience is None:
            return None
        waited = max(map(self._epochs_waited, self._monitor))
        waited = min(waited, len(self.history) - self._patience_from + 1)
        return "patience" if waited >= self._patience else None

    def _epochs_waited(self, metric: str) -> int:
        values = [row[metric] for row in self.history]
        return epochs_without_gain(values, maximise=maximised(metric), min_delta=self._min_delta)
