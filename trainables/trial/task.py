"""The messages between the driver and the process that trains a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from spaces.config.trial import TrialConfig
from trainables.models.cut import Cut

if TYPE_CHECKING:
    from trainables.training.history import Reason, Row

TASK, OUTCOME = "task", "outcome"
"""The only key in a trial's Ray configuration, and our only key in its results."""


@dataclass(frozen=True, kw_only=True)
class ActorAddress:
    """How processes anywhere in the cluster reach the run's driver."""

    actor: str
    """Name of the `DriverActor` of the run."""
    node: str
    """Ray's id of the driver's node, whose processes can read the run directory."""


@dataclass(frozen=True, kw_only=True)
class TrialTask:
    """Everything a process needs to train one trial."""

    number: int
    config: TrialConfig
    metric: str
    folder: str
    """The trial's folder in the run directory, on the driver's machine; holds its checkpoint."""
    driver: ActorAddress
    attempt: int
    """Increases with every assignment, to tell an abandoned process from the one that replaced it."""
    rungs: frozenset[int]
    """Epochs after which to write a checkpoint."""
    checkpoint_s: float
    """Also write one at the end of an epoch once this many seconds have passed since the last."""
    memory_bytes: int
    """How much memory the process may use before it is replaced."""
    slot: str
    """The resources of the process, in words."""
    split_seed: int | None = None
    """For a confirmation training: the seed of a new train/validation split, unless the data set fixes the split.
    Every epoch then augments afresh."""
    trials: int = 1
    """Number of trials in the sweep; those that freeze the same layers share features."""
    cuts: tuple[Cut, ...] = ()
    """Where those trials cut the same network."""
    trusted: frozenset[str] = frozenset()
    """The user's modules that the process may import."""
    env: tuple[str, ...] = ()
    """Environment variables to fetch from the driver first; Ray writes their values to no file."""

    def size(self) -> str:
        """Describe what determines the memory use: ``batches of 64 images, vgg16, in a slot with 1 CPU …``."""
        model = self.config.model
        name = getattr(model, "backbone", None) or f"a model of kind {model.kind}"
        return f"batches of {self.config.training.batch_size} images, {name}, in a slot with {self.slot}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a process reports: an epoch, the end of the trial, or both."""

    number: int
    row: Row | None = None
    reason: Reason | Literal["interrupted", "error", "out of memory", "disk full", "lost"] | None = None
    """Why the trial ended on its own; None while it runs."""
    error: str = ""
    """A traceback if something failed."""
    message: str = ""
    """What failed, in one line."""
    host: str = ""
    """Name of the machine that trained it."""
    should_recycle: bool = False
    """The process should not serve another trial: it uses too much memory or was asked to stop."""
