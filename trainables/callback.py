"""The one callback of a training run: learning rate, history, patience, divergence, and the report of each epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from spaces.metric import maximised
from spaces.problem import WorkFailedError
from trainables.evaluation import averages
from trainables.history import Reason, Row, epochs_without_gain
from trainables.models.scored import Scored


class Interrupted(Exception):
    """Somebody asked the training run to stop; it stopped at the next batch."""


class Diverged(WorkFailedError):
    """The loss is NaN or infinite."""


class Reporter(keras.callbacks.Callback):
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
        interrupted: asked after every batch.
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
        interrupted: Callable[[], bool],
    ) -> None:
        super().__init__()
        self.history = history
        self.reason: Reason | None = None
        self._rate, self._last_epoch, self._on_epoch, self._interrupted = rate, last_epoch, on_epoch, interrupted
        self._metric, self._monitor, self._min_delta = metric, monitor, min_delta
        self._patience, self._patience_from = patience, patience_from
        self._started = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Sets the learning rate of the epoch."""
        self._started = time.monotonic()
        self.model.optimizer.learning_rate.assign(self._rate(self.history))

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Stops at once where there is nothing left to train for."""
        self._heed_interruption()
        if logs and not math.isfinite(logs["loss"]):
            self._end_epoch({"loss": float(logs["loss"])}, reason="diverged")
            raise Diverged

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Starts to count who is taken for whom."""
        if isinstance(self.model, Scored):
            self.model.forget_confusion()

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Validation can be long, and an interruption must not wait for it."""
        self._heed_interruption()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Writes the epoch into the history and reports it."""
        logs = dict(logs or {})
        if "val_cross_entropy" in logs:
            logs["val_loss"] = logs["val_cross_entropy"]
        measured = {name: float(value) for name, value in logs.items() if not name.endswith("cross_entropy")}
        if "val_cross_entropy" in logs and isinstance(self.model, Scored):
            scores = averages(self.model.confusion())
            measured |= {f"val_{name}": value for name, value in scores.items()}
        diverged = not all(math.isfinite(value) for value in measured.values())
        self._end_epoch(measured, reason="diverged" if diverged else None)
        if diverged:
            raise Diverged

    def _end_epoch(self, measured: Row, *, reason: Reason | None) -> None:
        # What the optimizer used is a float32; written shortly, it is read back as the same one when it is replayed.
        rate = float(str(self.model.optimizer.learning_rate.numpy()))
        seconds = round(time.monotonic() - self._started, 4)
        row = {"epoch": len(self.history) + 1, **measured, "learning_rate": rate, "seconds": seconds}
        if reason == "diverged":
            row[self._metric] = math.nan  # whatever was measured: a network of NaN still names some class
        self.history.append(row)
        self.reason = reason or self._reason_to_end()
        if self.reason == "patience":
            self.model.stop_training = True
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

    def _heed_interruption(self) -> None:
        if self._interrupted():
            raise Interrupted
