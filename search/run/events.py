"""What a sweep tells its listeners: a trial started, an epoch ended, a trial ended, the sweep is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from spaces.config.metric import Direction
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
"""What each way of ending means to the sampler: a result at full length, a result to learn from, an accident."""


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """One sweep being run: who it is, where it lives, and how far it means to go."""

    id: str
    """Random, given once; survives renaming and resuming."""
    name: str
    directory: Path
    metric: str
    direction: Direction
    trials: int
    """How many trials are meant to run."""
    epochs: int
    """The horizon of one trial."""


@dataclass(frozen=True, kw_only=True)
class TrialInfo:
    """A trial as it starts (or continues)."""

    number: int
    values: dict[str, Scalar]
    """The open values of the branches taken, by short name."""
    config: TrialConfig
    baseline: bool


@dataclass(frozen=True, kw_only=True)
class TrialEnd:
    """What came of a trial."""

    number: int
    state: State
    reason: Reason
    best_epoch: int | None
    """Counted from 1; None where no epoch gave a finite metric."""
    value: float | None
    """The metric at the best epoch."""
    epochs: int
    """Epochs trained."""
    seconds: float
    slowest_s: float = 0.0
    """The longest epoch."""
    told: str = ""
    """What there is to say about a failure, in a line."""
    host: str = ""
    """The machine that trained it last, where it is known."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The journal's record of a new trial."""

    number: int
    baseline: bool


@dataclass(frozen=True, kw_only=True)
class Reported:
    """The journal's record of an epoch."""

    number: int
    epoch: int
    value: float
    """The sweep's metric; NaN where the trial diverged."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The journal's record of why a trial ended."""

    number: int
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class Training:
    """A configuration trained again from one seed."""

    trial: int
    seed: int
    value: float | None
    """The metric at the best epoch; None where it came to nothing."""
    best_epoch: int | None
    epochs: int
    """Trained."""
    seconds: float
    reason: Reason
    told: str = ""
    """What there is to say about a failure, in a line."""

    @property
    def score(self) -> float | None:
        """What the training is worth: nothing where it diverged or failed, whatever it had reached by then."""
        return self.value if self.reason in ("finished", "patience") else None


class Listener(Protocol):
    """Is told of everything that happens in a sweep, in order, from the driver's thread. Must not raise or block."""

    def started(self, trial: TrialInfo) -> None:
        """A trial starts, or continues after an interruption."""

    def epoch(self, number: int, row: Mapping[str, float]) -> None:
        """Trial ``number`` finished an epoch; ``row`` has the columns of its history.csv."""

    def ended(self, end: TrialEnd) -> None:
        """A trial ended, in whatever way."""

    def confirmed(self, training: Training | None, *, done: int, total: int) -> None:
        """A configuration was trained again from one seed, ``done`` of ``total``; None where that begins or goes on."""

    def close(self, best: int | None) -> None:
        """The sweep is over or interrupted; ``best`` is the number of the leading trial. Called on every way out."""
