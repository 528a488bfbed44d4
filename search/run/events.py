"""The events of a sweep that listeners receive: a trial started, an epoch ended, a trial ended, the sweep is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from spaces.config.trial import TrialConfig
from spaces.domains.domain import Scalar

State = Literal["complete", "pruned", "fail", "interrupted"]
Reason = Literal[
    "finished", "patience", "asha", "diverged", "out of memory", "error", "lost", "interrupted", "disk full"
]


STATES: Mapping[Reason, State] = {
    "finished": "complete",
    "patience": "complete",
    "asha": "pruned",
    "diverged": "pruned",
    "out of memory": "pruned",
    "error": "fail",
    "disk full": "interrupted",
    "lost": "fail",
    "interrupted": "interrupted",
}
"""What each reason means to the sampler: a full result, a result to learn from, or an accident."""


@dataclass(frozen=True, kw_only=True)
class TrialInfo:
    """A trial that starts or continues."""

    number: int
    values: dict[str, Scalar]
    """The open values of the branches taken, by short name."""
    config: TrialConfig
    baseline: bool


@dataclass(frozen=True, kw_only=True)
class TrialFinished:
    """The result of a trial."""

    number: int
    state: State
    reason: Reason
    best_epoch: int | None
    """Counted from 1; None if no epoch gave a finite metric."""
    value: float | None
    """The metric at the best epoch."""
    epochs: int
    """Number of epochs trained."""
    seconds: float
    slowest_s: float = 0.0
    """Duration of the longest epoch."""
    message: str = ""
    """What failed, in one line."""
    host: str = ""
    """The machine that trained it last; empty if unknown."""


@dataclass(frozen=True, kw_only=True)
class TrialCreated:
    """The journal's record of a new trial."""

    number: int
    baseline: bool


@dataclass(frozen=True, kw_only=True)
class EpochReported:
    """The journal's record of an epoch."""

    number: int
    epoch: int
    value: float
    """The sweep's metric; NaN if the trial diverged."""


@dataclass(frozen=True, kw_only=True)
class TrialEnded:
    """The journal's record of why a trial ended."""

    number: int
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class ConfirmationTraining:
    """A configuration trained again from one seed."""

    trial: int
    seed: int
    value: float | None
    """The metric at the best epoch; None if no epoch gave a finite one."""
    best_epoch: int | None
    epochs: int
    """Number of epochs trained."""
    seconds: float
    reason: Reason
    message: str = ""
    """What failed, in one line."""

    @property
    def score(self) -> float | None:
        """The value that counts: None if the training diverged or failed, whatever it had reached by then."""
        return self.value if self.reason in ("finished", "patience") else None


@dataclass(frozen=True, kw_only=True)
class TrainingProgress:
    """How far a training of the confirmation is."""

    trial: int
    seed: int
    epoch: int
    """Of the last epoch; 0 when it starts. One that continues begins with the epochs that it has."""
    value: float
    """The metric at this epoch; NaN when it starts."""


class Listener(Protocol):
    """Receives every event of a sweep, in order, in the driver's thread. Its methods must not raise or block."""

    def started(self, trial: TrialInfo) -> None:
        """A trial starts, or continues after an interruption."""

    def ready(self) -> None:
        """A process has imported TensorFlow and trains from now on; it may have served another trial before."""

    def epoch(self, number: int, row: Mapping[str, float]) -> None:
        """Trial ``number`` finished an epoch; ``row`` has the columns of its history.csv."""

    def ended(self, end: TrialFinished) -> None:
        """A trial ended, for whatever reason."""

    def confirming(self, training: TrainingProgress) -> None:
        """A training of the confirmation starts, continues, or has finished an epoch."""

    def confirmed(self, training: ConfirmationTraining | None, *, done: int, total: int) -> None:
        """A configuration was trained again, ``done`` of ``total``; None when the confirmation starts or resumes."""

    def close(self, best: int | None) -> None:
        """The sweep is over or interrupted; ``best`` is the number of the leading trial. Always called."""
