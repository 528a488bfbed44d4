"""From the epochs that a contestant trained to how long it took to start, to train and to end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from warm.process import Spent


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One epoch of one trial."""

    trial: str
    epoch: int
    """Counted from 1."""
    ended: float | None
    """Seconds since 1970; None where only the first and the last end are known."""
    seconds: float
    """Training and validation."""
    val_accuracy: float
    architecture: str


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """How a contestant spent its time.

    The first warm step is taken to come one warm epoch before the first epoch of the whole run ends: at the end of
    the first epoch that any trial finishes, less what the second epoch of that same trial takes, graphs traced.
    Everything before it — Python, imports, Ray's daemons, data, the first model and its tracing — is start-up; what
    follows lasts until the process has ended, leaderboards, reports and Ray's shutdown included.
    """

    start_up_s: float
    after_s: float
    """From the first warm step to the end of the process."""
    closing_s: float
    """The part of ``after_s`` that follows the last epoch."""
    total_s: float
    cpu_s: float
    """User and system time of all processes."""
    trials: int
    epochs: int
    val_accuracy: float
    """Mean over the trials of their best epoch: that the same was trained."""
    epochs_of: Mapping[str, int]
    """Epochs by architecture, where the contestant names it."""

    def warm_s(self, warm: Mapping[str, float]) -> float:
        """What the epochs that were trained take with warm graphs; ``warm``: seconds an epoch, by architecture."""
        return sum(count * warm[architecture] for architecture, count in self.epochs_of.items())


def timeline(spent: Spent, epochs: Sequence[Epoch], *, first: Epoch, first_ended: float, last_ended: float) -> Timeline:
    """Adds up a contestant's epochs.

    Args:
        spent: the process.
        epochs: all that were trained.
        first: the epoch that ended first.
        first_ended: when it did.
        last_ended: when the last one did.
    """
    second = [epoch for epoch in epochs if epoch.epoch == 2]
    # ASHA may have ended the trial after one epoch: then that of another trial of the same architecture.
    alike = [epoch for epoch in second if epoch.architecture == first.architecture]
    own = [epoch for epoch in alike if epoch.trial == first.trial]
    stepping = first_ended - (own or alike or [first])[0].seconds
    best: dict[str, float] = {}
    for epoch in epochs:
        best[epoch.trial] = max(best.get(epoch.trial, 0.0), epoch.val_accuracy)
    return Timeline(
        start_up_s=stepping - spent.started,
        after_s=spent.ended - stepping,
        closing_s=spent.ended - last_ended,
        total_s=spent.ended - spent.started,
        cpu_s=spent.cpu_s,
        trials=len(best),
        epochs=len(epochs),
        val_accuracy=mean(best.values()),
        epochs_of=dict(Counter(epoch.architecture for epoch in epochs)),
    )


def logged(spent: Spent, log: Path) -> Timeline:
    """The timeline of a contestant whose models carried the `EpochLog`."""
    epochs = [Epoch(**json.loads(line)) for line in log.read_text().splitlines()]
    ended = sorted(epochs, key=lambda epoch: epoch.ended or 0.0)
    first, last = ended[0], ended[-1]
    return timeline(spent, epochs, first=first, first_ended=first.ended or 0.0, last_ended=last.ended or 0.0)
