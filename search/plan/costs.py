"""What a trial of any configuration takes, from the few that were timed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spaces.config.trial import PretrainedModel, TrialConfig
from trainables.features.views import views_of
from trainables.models.fine_tuning import stages
from trainables.models.settable import graph_key
from trainables.preflight.timing import Timed

DIFFERENT = 3.0
"""How far apart two values are of which none is a multiple of the other; as far as a number and its twentyfold."""


@dataclass(frozen=True)
class StageCost:
    """Of consecutive epochs in which the same layers train."""

    last_epoch: int
    unfrozen: bool
    first_s: float
    """What the first such epoch in a process takes more."""
    epoch_s: float
    pass_s: float = 0.0
    """Where features are stored: what the first epoch of the sweep that shows a view of the images takes more."""
    anew_s: float | None = None
    """An epoch of the confirmation; None where it takes what one of the search does."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one trial takes."""

    network: object
    """Trials that agree here share a compiled network."""
    features: object = None
    """Trials that agree here share the features of what they freeze."""
    views: int = 1
    """How many views of the images those features are of."""
    load_s: float
    build_s: float
    again_s: float
    stages: tuple[StageCost, ...]
    patience: int | None
    """In epochs."""

    @property
    def seconds(self) -> float:
        """Of a training to the horizon, in a process that has its network."""
        lengths = self._lengths()
        return self.again_s + sum(length * stage.epoch_s for length, stage in zip(lengths, self.stages, strict=True))

    @property
    def epoch_s(self) -> float:
        """Of an epoch, over a training to the horizon."""
        return (self.seconds - self.again_s) / self.stages[-1].last_epoch

    def confirmed(self) -> Cost:
        """What the same trial takes in the confirmation."""
        stages = (
            stage if stage.anew_s is None else replace(stage, epoch_s=stage.anew_s, pass_s=0.0) for stage in self.stages
        )
        return replace(self, stages=tuple(stages))

    @property
    def first_s(self) -> float:
        """What a process takes once for the network."""
        return self.build_s + sum(stage.first_s for stage in self.stages)

    def _lengths(self) -> list[int]:
        lasts = [stage.last_epoch for stage in self.stages]
        return [last - before for before, last in zip([0, *lasts], lasts, strict=False)]


def essence(config: TrialConfig) -> dict[str, Any]:
    """What decides how long a configuration trains, flat: two that agree here take the same time."""
    model, augmentation, compiled = graph_key(config)
    training = config.training
    flat = {f"model.{path}": value for path, value in model} | {f"augmentation.{p}": value for p, value in augmentation}
    return flat | {
        "data": repr(config.data),
        "optimizer": compiled,
        "batch_size": ("int", training.batch_size),
        "steps_per_epoch": training.steps_per_epoch,
    }


def spread(configs: Iterable[TrialConfig], *, always: int, most: int) -> list[int]:
    """Positions of those to time: the first that differ, then whatever is farthest from all taken before.

    (Greedy k-centre: Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985.)
    """
    distinct: dict[str, tuple[int, dict[str, Any]]] = {}
    for position, config in enumerate(configs):
        found = essence(config)
        distinct.setdefault(repr(found), (position, found))
    left = list(distinct.values())
    taken, left = left[:always], left[always:]
    while left and len(taken) < most:
        farthest = max(left, key=lambda each: min(apart(each[1], other) for _, other in taken))
        left.remove(farthest)
        taken.append(farthest)
    return [position for position, _ in taken]


def costs_of(timed: Sequence[tuple[TrialConfig, Timed]]) -> Callable[[TrialConfig], Cost]:
    """From a configuration to what it takes: its own times, or those of the timed ones, by nearness.

    Between sizes a time is read off as on logarithmic paper: the geometric mean of the known ones, each weighted by
    one over the squared distance (Shepard, "A two-dimensional interpolation function for irregularly-spaced data",
    1968).
    """
    known = [(essence(config), result) for config, result in timed]
    found: dict[str, Cost] = {}

    def cost(config: TrialConfig) -> Cost:
        asked = essence(config)
        key = repr((asked, config.training.patience))
        if key not in found:
            near = [(apart(asked, other), result) for other, result in known]
            found[key] = _between(config, near)
        return found[key]

    return cost


def _between(config: TrialConfig, near: Sequence[tuple[float, Timed]]) -> Cost:
    return Cost(
        network=graph_key(config),
        **_sharing(config),
        load_s=_mean([(distance, timed.load_s) for distance, timed in near]),
        build_s=_mean([(distance, timed.build_s) for distance, timed in near]),
        again_s=_mean([(distance, timed.again_s) for distance, timed in near]),
        stages=tuple(_stage(stage.last_epoch, stage.unfrozen, near) for stage in stages(config)),
        patience=config.training.patience,
    )


def _stage(last_epoch: int, unfrozen: bool, near: Sequence[tuple[float, Timed]]) -> StageCost:
    pairs = [(distance, time) for distance, timed in near for time in timed.stages]
    alike = [(distance, time) for distance, time in pairs if time.unfrozen is unfrozen] or pairs
    first_s = _mean([(distance, time.first_s) for distance, time in alike])
    epoch_s = _mean([(distance, time.epoch_s) for distance, time in alike])
    passes = [(distance, time.pass_s) for distance, time in alike if time.pass_s]
    anew = [(distance, time.anew_s) for distance, time in alike if time.anew_s is not None]
    return StageCost(
        last_epoch,
        unfrozen,
        first_s,
        epoch_s,
        pass_s=_mean(passes) if passes else 0.0,
        anew_s=_mean(anew) if anew else None,
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


def apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How different two essences are: a sum over what they hold."""
    names = one.keys() | other.keys()
    return sum(_apart(one.get(name), other.get(name)) for name in names)


def _apart(one: Any, other: Any) -> float:
    if one == other:
        return 0.0
    numbers = _number(one), _number(other)
    if numbers[0] is not None and numbers[1] is not None:
        return abs(math.log(numbers[0] / numbers[1]))
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other) and not _is_leaf(one):
        return sum(map(_apart, one, other)) / len(one)
    return DIFFERENT


def _number(value: Any) -> float | None:
    """A positive number as `trainables.models.settable` keeps it; zero is no size but means that something is off."""
    if not _is_leaf(value) or value[0] not in ("int", "float"):
        return None
    return float(value[1]) if value[1] > 0 else None


def _is_leaf(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)
