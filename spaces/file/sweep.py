"""A sweep: a trial configuration with some values left open, and how to search, limit, place and track it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from spaces.config.metric import Metric
from spaces.config.settings import Count, Epochs, FileRef, Limit, NonNegative, PathText, Positive, Seed, Settings
from spaces.domains.close import baseline
from spaces.domains.domain import Domain, Scalar
from spaces.domains.tree import OpenTree, as_written, open_items
from spaces.problem import InputError, Problem

Restarts = Annotated[int, Field(ge=0, le=1_000)]
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", examples=["HF_TOKEN"])]


class Search(Settings):
    """Which configurations are tried, and which are stopped early."""

    metric: Metric = "val_accuracy"
    """The metric to optimise; its direction follows from its name. A trial scores its best epoch."""
    sampler: Literal["tpe", "sobol", "random"] = "tpe"
    """How configurations are proposed."""
    trials: Count = 50
    """Number of configurations to try, including the baseline."""
    seed: Seed = 0
    """Seed of the sampler."""
    scheduler: Literal["asha", "none"] = "asha"
    """Whether trials that fall behind are stopped early."""
    grace_epochs: Epochs = 1
    """No trial is stopped before this many epochs."""
    reduction_factor: Annotated[int, Field(ge=2, le=1_000)] = 3
    """About one in this many of the trials that reach a rung continues."""
    max_failures: Restarts = 3
    """How often a trial is restarted after its process or node was lost."""
    checkpoint_minutes: Positive = 5.0
    """A running trial saves its state at rungs, and at the end of an epoch once this much time has passed."""
    warm_start: tuple[Annotated[PathText, FileRef()], ...] = ()
    """Folders of earlier runs: the sampler learns from their trials whose values fit this space."""


class Budget(Settings):
    """When the sweep ends, whatever is left to try. A limit that is not given does not apply."""

    hours: Limit | None = None
    """Wall-clock time."""
    epochs: Annotated[int, Field(gt=0, le=1_000_000_000)] | None = None
    """Epochs trained, over all trials."""
    gpu_hours: Limit | None = None
    """GPU time that trials held; a fraction of a GPU counts as a fraction."""
    usd: Limit | None = None
    """Cost by resources.usd_per_hour."""


class Confirm(Settings):
    """Which configurations are trained again, on how many seeds, before a winner is chosen; or off."""

    top: Annotated[int, Field(gt=0, le=100)] = 3
    """Number of the best configurations to train again; the baseline always is."""
    seeds: Annotated[int, Field(ge=2, le=1_000)] = 5
    """Trainings of each, every one with another seed and, if the data set has no split of its own, another split."""


class Resources(Settings):
    """What one trial holds while it trains. A value that is not given is chosen to suit the machines."""

    cpus: Count | None = None
    """CPU cores."""
    gpus: NonNegative | None = None
    """GPUs; a fraction shares a GPU among trials and limits each to that share of its memory."""
    usd_per_hour: Positive | None = None
    """Price of one such slot for an hour."""
    env: tuple[EnvName, ...] = ()
    """Environment variables to pass to its process although they look like credentials, which are withheld."""


class Wandb(Settings):
    """Where the runs appear on Weights & Biases."""

    project: Annotated[str, Field(min_length=1, max_length=128)] = "tunehound"
    """The project in which the runs appear."""
    entity: str | None = None
    """The user or team; by default, the account's own default."""


class Tracking(Settings):
    """Where the trials are tracked."""

    wandb: Wandb | Literal["off"] = Wandb()
    """Weights & Biases, or off."""


SECTIONS: Mapping[str, type[Settings]] = {
    "search": Search,
    "budget": Budget,
    "confirm": Confirm,
    "resources": Resources,
    "tracking": Tracking,
}
"""The sections of a sweep file other than `trial`."""


ErrorFactory = Callable[[Sequence[Problem]], InputError]


def error_without_file(problems: Sequence[Problem]) -> InputError:
    """Return the error of a sweep that was not read from a file."""
    return InputError(problems, "the sweep")


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A checked sweep: every default written out, every file name absolute."""

    trial: OpenTree
    """The open tree: nested mappings and tuples of scalars and domains, by the keys of a trial configuration."""
    search: Search
    budget: Budget
    confirm: Confirm | None
    """None if confirmation is off."""
    resources: Resources
    tracking: Tracking
    name: str
    """The file's name without its extension."""
    by_hand: str | None = field(default=None, compare=False)
    """What a person reached, from `By hand:` in the comment at the head of the file."""
    as_error: ErrorFactory = field(default=error_without_file, compare=False, repr=False)
    """Makes the error for mistakes that are found later, with their lines in the file."""

    @cached_property
    def open_values(self) -> dict[str, Domain]:
        """Every open value by full name, in file order, including those inside branches."""
        return {item.name: item.domain for item in open_items(self.trial)}

    @cached_property
    def baseline(self) -> dict[str, Scalar] | None:
        """The baselines of the branches taken, by full name; None if no baselines are given."""
        return baseline(self.trial)

    @property
    def epochs(self) -> int:
        """The horizon: no trial trains longer."""
        return int(self.trial["training"]["epochs"])

    def as_mapping(self) -> dict[str, Any]:
        """Return the sweep as plain data with every default; `load_sweep` reads it back equal."""
        return {
            "trial": as_written(self.trial),
            "search": self.search.model_dump(),
            "budget": self.budget.model_dump(),
            "confirm": self.confirm.model_dump() if self.confirm else "off",
            "resources": "auto" if self.resources == Resources() else self.resources.model_dump(),
            "tracking": self.tracking.model_dump(),
        }
