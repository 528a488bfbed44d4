"""A sweep: a trial configuration with some values left open, and how to search, pay for, place and show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from spaces.config.metric import Metric
from spaces.config.settings import FileRef, Seed, Settings
from spaces.domains.close import baseline
from spaces.domains.domain import Domain, Scalar
from spaces.domains.tree import OpenTree, as_written, open_items
from spaces.problem import InputError, Problem

EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", examples=["HF_TOKEN"])]


class Search(Settings):
    """Which configurations are tried, and which are stopped early."""

    metric: Metric = "val_accuracy"
    """What the sweep is about; its direction follows from its name. A trial is worth its best epoch."""
    sampler: Literal["tpe", "random"] = "tpe"
    """How configurations are proposed."""
    trials: PositiveInt = 50
    """How many configurations are tried, the baseline among them."""
    seed: Seed = 0
    """Seed of the sampler."""
    scheduler: Literal["asha", "none"] = "asha"
    """Whether trials that fall behind are stopped early."""
    grace_epochs: PositiveInt = 1
    """No trial is stopped before this many epochs."""
    reduction_factor: Annotated[int, Field(ge=2)] = 3
    """Of the trials that reach a rung, about one in this many goes on."""
    max_failures: NonNegativeInt = 3
    """How often a trial is started again after its process or node was lost."""
    checkpoint_minutes: PositiveFloat = 5.0
    """A running trial saves its state at rungs, and at the first end of an epoch after so long."""
    warm_start: tuple[Annotated[str, Field(min_length=1), FileRef()], ...] = ()
    """Earlier runs, by folder: what came of their trials is known to the sampler, where their values fit this space."""


class Budget(Settings):
    """Where the sweep ends, whatever is left to try. A limit not given is none."""

    hours: PositiveFloat | None = None
    """Wall-clock time."""
    epochs: PositiveInt | None = None
    """Epochs trained, over all trials."""
    gpu_hours: PositiveFloat | None = None
    """GPU time that trials held, fractions counted as such."""
    usd: PositiveFloat | None = None
    """Money, by resources.usd_per_hour."""


class Confirm(Settings):
    """Which configurations are trained again, on how many seeds, before a winner is named; or off."""

    top: PositiveInt = 3
    """How many of the best are trained again; the baseline always is."""
    seeds: Annotated[int, Field(ge=2)] = 5
    """How often each is trained, every time from another seed and, where the split is ours, on another one."""


class Resources(Settings):
    """What one trial holds while it trains. A value not given is chosen from what the machines have."""

    cpus: PositiveInt | None = None
    """CPU cores."""
    gpus: NonNegativeFloat | None = None
    """GPUs; a fraction shares one GPU among trials, and limits each to that share of its memory."""
    usd_per_hour: PositiveFloat | None = None
    """Price of one such slot for an hour."""
    env: tuple[EnvName, ...] = ()
    """Environment variables that its process is given though they look like credentials, which it else has not."""


class Wandb(Settings):
    """Where on Weights & Biases the runs are shown."""

    project: Annotated[str, Field(min_length=1, max_length=128)] = "tunehound"
    """The project in which the runs appear."""
    entity: str | None = None
    """The user or team; the account's default where not given."""


class Tracking(Settings):
    """Who is told of the trials."""

    wandb: Wandb | Literal["off"] = Wandb()
    """Weights & Biases, or off."""


SECTIONS: Mapping[str, type[Settings]] = {
    "search": Search,
    "budget": Budget,
    "confirm": Confirm,
    "resources": Resources,
    "tracking": Tracking,
}
"""The sections of a sweep file beside `trial`."""


Refusal = Callable[[Sequence[Problem]], InputError]


def in_no_file(problems: Sequence[Problem]) -> InputError:
    """The error of a sweep that was not read from a file."""
    return InputError(problems, "the sweep")


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A checked sweep: every default written out, every file name absolute."""

    trial: OpenTree
    """The open tree: nested mappings and tuples of scalars and domains, by the keys of a trial configuration."""
    search: Search
    budget: Budget
    confirm: Confirm | None
    """None where confirmation is off."""
    resources: Resources
    tracking: Tracking
    name: str
    """The file's name without its ending."""
    by_hand: str | None = field(default=None, compare=False)
    """What the comment at the head of the file says a person reached, behind `By hand:`."""
    refusal: Refusal = field(default=in_no_file, compare=False, repr=False)
    """Makes the error that tells mistakes found later, at their lines in the file."""

    @cached_property
    def open_values(self) -> dict[str, Domain]:
        """Every open value by full name, in file order, those inside branches (named by label) included."""
        return {item.name: item.domain for item in open_items(self.trial)}

    @cached_property
    def baseline(self) -> dict[str, Scalar] | None:
        """The baselines by full name, those of the branches taken; None where no baselines are given."""
        return baseline(self.trial)

    @property
    def epochs(self) -> int:
        """The horizon: no trial trains longer."""
        return int(self.trial["training"]["epochs"])

    def as_mapping(self) -> dict[str, Any]:
        """The sweep as plain data for a file, every default written out; `load_sweep` reads it back equal."""
        return {
            "trial": as_written(self.trial),
            "search": self.search.model_dump(),
            "budget": self.budget.model_dump(),
            "confirm": self.confirm.model_dump() if self.confirm else "off",
            "resources": "auto" if self.resources == Resources() else self.resources.model_dump(),
            "tracking": self.tracking.model_dump(),
        }
