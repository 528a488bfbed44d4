"""What the driver and a trial's process tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from spaces.config.trial import TrialConfig
from trainables.models.cut import Cut

if TYPE_CHECKING:
    from trainables.training.history import Reason, Row

TASK, OUTCOME = "task", "outcome"
"""Keys of the only entry in a trial's Ray configuration, and of the only entry of ours in its results."""


@dataclass(frozen=True, kw_only=True)
class HomeAddress:
    """Where the run lives, for processes that may be anywhere."""

    actor: str
    """Name of the `Home` of the run."""
    node: str
    """Ray's id of the driver's node, whose processes see the run directory."""


@dataclass(frozen=True, kw_only=True)
class TrialTask:
    """All that a process must know to train one trial."""

    number: int
    config: TrialConfig
    metric: str
    folder: str
    """The trial's folder in the run directory, which only the driver's machine has; its checkpoint lies there."""
    home: HomeAddress
    attempt: int
    """Counts what was handed out, so that a process that was given up can be told from the one that took over."""
    rungs: frozenset[int]
    """Epochs after which a checkpoint is written."""
    checkpoint_s: float
    """One is written, too, at the first end of an epoch after this many seconds."""
    memory_bytes: int
    """What the process may take before another one replaces it."""
    slot: str
    """What the process has, in words."""
    split_seed: int | None = None
    """Of a training that confirms: divides train and validation anew, where the data set leaves that to us, and has
    every epoch augment anew."""
    trials: int = 1
    """How many trials the sweep has, which share the features of what they freeze alike."""
    cuts: tuple[Cut, ...] = ()
    """Where they cut the same network."""
    trusted: frozenset[str] = frozenset()
    """Modules of the user that the process may import."""
    env: tuple[str, ...] = ()
    """Environment variables that it takes from the run's home first; their values stand in no file of Ray's."""

    def size(self) -> str:
        """What makes the trial large, and what it had: ``batches of 64 images, vgg16, in a slot with 1 CPU …``."""
        model = self.config.model
        name = getattr(model, "backbone", None) or f"a model of kind {model.kind}"
        return f"batches of {self.config.training.batch_size} images, {name}, in a slot with {self.slot}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a process reports: an epoch, or the end, or both at once."""

    number: int
    row: Row | None = None
    reason: Reason | Literal["interrupted", "error", "out of memory", "disk full", "lost"] | None = None
    """Why the trial ended by itself; None while it goes on."""
    error: str = ""
    """A traceback, where something failed."""
    told: str = ""
    """What failed, in a line."""
    host: str = ""
    """The machine that trains it."""
    spent: bool = False
    """The process should serve no other trial: it has grown beyond what it may take, or was told to stop."""
