"""The time that a trial of any configuration takes, estimated from the few that were timed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spaces.config.trial import PretrainedModel, TrialConfig
from trainables.features.views import views_of
from trainables.models.fine_tuning import stages
from trainables.models.settable import graph_key
from trainables.preflight.timing import TimingResult

DIFFERENT = 3.0
"""The distance between two values without a ratio: as between a number and twenty times that number."""


@dataclass(frozen=True)
class StageCost:
    """The cost of consecutive epochs in which the same layers train."""

    last_epoch: int
    unfrozen: bool
    first_s: float
    """Extra time of the first such epoch in a process."""
    epoch_s: float
    pass_s: float = 0.0
    """With stored features: extra time of the first epoch of the sweep that shows a view of the images."""
    fresh_s: float | None = None
    """An epoch of the confirmation; None if it takes as long as one of the search."""


@dataclass(frozen=True, kw_only=True)
class TrialCost:
    """The cost of one trial."""

    network: object
    """Trials with the same value share a compiled network."""
    features: object = None
    """Trials with the same value share the features of their frozen part."""
    views: int = 1
    """How many views of the images have such features."""
    load_s: float
    build_s: float
    reset_s: float
    stages: tuple[StageCost, ...]
    patience: int | None
    """In epochs."""

    @property
    def seconds(self) -> float:
        """Time of a training to the last epoch, in a process that has its network."""
        lengths = self._lengths()
        return self.reset_s + sum(length * stage.epoch_s for length, stage in zip(lengths, self.stages, strict=True))

    @property
    def epoch_s(self) -> float:
        """Mean time of an epoch, in a training to the last epoch."""
        return (self.seconds - self.reset_s) / self.stages[-1].last_epoch

    def confirmed(self) -> TrialCost:
        """Return the cost of the same trial in the confirmation."""
        stages = (
            stage if stage.fresh_s is None else replace(stage, epoch_s=stage.fresh_s, pass_s=0.0)
            for stage in self.stages
        )
        return replace(self, stages=tuple(stages))

    @property
    def first_s(self) -> float:
        """Time that a process spends once on the network."""
        return self.build_s + sum(stage.first_s for stage in self.stages)

    def _lengths(self) -> list[int]:
        lasts = [stage.last_epoch for stage in self.stages]
        return [last - before for before, last in zip([0, *lasts], lasts, strict=False)]


def essence(config: TrialConfig) -> dict[str, Any]:
    """Return what determines how long a configuration trains, as a flat mapping."""
    model, augmentation, compiled = graph_key(config)
    training = config.training
    flat = {f"model.{path}": value for path, value in model} | {f"augmentation.{p}": value for p, value in augmentation}
    return flat | {
        "data": repr(config.data),
        "optimizer": compiled,
        "batch_size": ("int", training.batch_size),
        "steps_per_epoch": training.steps_per_epoch,
    }


def spread_out(configs: Iterable[TrialConfig], *, always: int, most: int) -> list[int]:
    """Return the positions of those to time: the first distinct ones, then always the farthest from all chosen so far.

    (Greedy k-centre: Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985.)
    """
    distinct: dict[str, tuple[int, dict[str, Any]]] = {}
    for position, config in enumerate(configs):
        found = essence(config)
        distinct.setdefault(repr(found), (position, found))
    remaining = list(distinct.values())
    taken, remaining = remaining[:always], remaining[always:]
    while remaining and len(taken) < most:
        farthest = max(remaining, key=lambda each: min(distance_between(each[1], other) for _, other in taken))
        remaining.remove(farthest)
        taken.append(farthest)
    return [position for position, _ in taken]


def costs_of(timed: Sequence[tuple[TrialConfig, TimingResult]]) -> Callable[[TrialConfig], TrialCost]:
    """Return the function from a configuration to its cost: its own times, or interpolated between the timed ones.

    Times are interpolated on a logarithmic scale: the geometric mean of the known ones, each weighted by one over the
    squared distance (Shepard, "A two-dimensional interpolation function for irregularly-spaced data",
    1968).
    """
    known = [(essence(config), result) for config, result in timed]
    found: dict[str, TrialCost] = {}

    def cost(config: TrialConfig) -> TrialCost:
        wanted = essence(config)
        key = repr((wanted, config.training.patience))
        if key not in found:
            near = [(distance_between(wanted, other), result) for other, result in known]
            found[key] = _between(config, near)
        return found[key]

    return cost


def _between(config: TrialConfig, near: Sequence[tuple[float, TimingResult]]) -> TrialCost:
    return TrialCost(
        network=graph_key(config),
        **_sharing(config),
        load_s=_mean([(distance, timed.load_s) for distance, timed in near]),
        build_s=_mean([(distance, timed.build_s) for distance, timed in near]),
        reset_s=_mean([(distance, timed.reset_s) for distance, timed in near]),
        stages=tuple(_stage(stage.last_epoch, stage.unfrozen, near) for stage in stages(config)),
        patience=config.training.patience,
    )


def _stage(last_epoch: int, unfrozen: bool, near: Sequence[tuple[float, TimingResult]]) -> StageCost:
    pairs = [(distance, time) for distance, timed in near for time in timed.stages]
    alike = [(distance, time) for distance, time in pairs if time.unfrozen is unfrozen] or pairs
    first_s = _mean([(distance, time.first_s) for distance, time in alike])
    epoch_s = _mean([(distance, time.epoch_s) for distance, time in alike])
    passes = [(distance, time.pass_s) for distance, time in alike if time.pass_s]
    fresh = [(distance, time.fresh_s) for distance, time in alike if time.fresh_s is not None]
    return StageCost(
        last_epoch,
        unfrozen,
        first_s,
        epoch_s,
        pass_s=_mean(passes) if passes else 0.0,
        fresh_s=_mean(fresh) if fresh else None,
    )


def _sharing(config: TrialConfig) -> dict[str, Any]:
    model = config.model
    if not isinstance(model, PretrainedModel):
        return {}
    views = views_of(config.augmentation, model.features)
    network = (model.backbone, model.alpha, model.weights, model.input_size)
    return {"features": (network, views.strength, config.augmentation.policy), "views": views.count}


def _mean(known: Sequence[tuple[float, float]]) -> float:
    nearest = min(known)
    if nearest[0] == 0:
        return nearest[1]
    weights = [1 / distance**2 for distance, _ in known]
    logarithms = [math.log(max(value, 1e-6)) for _, value in known]
    return math.exp(sum(w * value for w, value in zip(weights, logarithms, strict=True)) / sum(weights))


def distance_between(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Return how different two essences are: the sum over their items."""
    names = one.keys() | other.keys()
    return sum(_item_distance(one.get(name), other.get(name)) for name in names)


def _item_distance(one: Any, other: Any) -> float:
    if one == other:
        return 0.0
    numbers = _number(one), _number(other)
    if numbers[0] is not None and numbers[1] is not None:
        return abs(math.log(numbers[0] / numbers[1]))
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other) and not _is_leaf(one):
        return sum(map(_item_distance, one, other)) / len(one)
    return DIFFERENT


def _number(value: Any) -> float | None:
    """A positive number as `trainables.models.settable` keeps it; None for zero, which means off and has no ratio."""
    if not _is_leaf(value) or value[0] not in ("int", "float"):
        return None
    return float(value[1]) if value[1] > 0 else None


def _is_leaf(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)
