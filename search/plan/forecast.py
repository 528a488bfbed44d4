"""Forecast what a sweep will take, by simulating it under many assumptions about what is unknown."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median
from typing import Literal

import numpy as np

from search.halving.rungs import Rungs
from search.plan.costs import TrialCost
from search.plan.simulation import SimulatedTraining, Simulation, earliest_end, simulate
from search.study.space import most_configurations
from spaces.file.sweep import Sweep

RAY_START_S = 5.0
"""Time until Ray runs on a machine and starts the first trial."""
STARTUP_TRIALS = 10
"""After this many trials, TPE proposes what it has learned."""
LIMIT_S = 20.0
"""No scenario is simulated after so long."""
SEEDS, FEW_SEEDS, MANY_TRIALS = 5, 2, 1000
"""How often each scenario is simulated; sweeps of many trials vary less."""

Patience = Literal["early", "between", "late"]
CostBias = Literal["cheap", "neutral", "expensive"]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One set of assumptions about what is unknown."""

    seed: int
    """Determines the scores and which configurations are drawn."""
    patience: Patience
    """When trials that no rung stops run out of patience: as early as possible, at any epoch, never."""
    bias: CostBias
    """Whether TPE learns to prefer cheap or expensive configurations, or neither."""


@dataclass(frozen=True, kw_only=True)
class Projection:
    """The result of one simulation."""

    trials: int
    """Trials that ended before the search did."""
    epochs: float
    """Of the search."""
    hours: float
    """Of the search, wall-clock."""
    slot_hours: float
    """Of the search: total time for which trials used their slots."""
    epoch_s: float
    """Mean of the search's epochs."""
    confirm_trainings: int
    confirm_epochs: float
    confirm_hours: float
    confirm_slot_hours: float
    limit: str | None
    """The limit of the budget that ended the search; None if all trials were trained."""


@dataclass(frozen=True)
class Range:
    """An expected number and its range."""

    low: float
    expected: float
    high: float

    def format(self, text: Callable[[float], str], unit: str = "") -> str:
        """``38 min (26 min – 1 h 10 min)``, ``198 epochs (96 – 384)``; no range if its ends read the same."""
        low, expected, high = text(self.low), text(self.expected), text(self.high)
        return f"{expected}{unit}" + ("" if low == high else f" ({low} – {high})")


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """All projections, and the typical ones among them."""

    projections: tuple[Projection, ...]
    typical: tuple[Projection, ...]
    left_out: int = 0
    """Scenarios for which there was no time: of a hundred thousand trials one takes seconds."""

    def range_of(self, value: Callable[[Projection], float]) -> Range:
        """Return the median over the typical projections, and the least and the most over all."""
        values = [value(projection) for projection in self.projections]
        return Range(min(values), median(value(projection) for projection in self.typical), max(values))

    @property
    def limit(self) -> str | None:
        """The limit that most often ends the search."""
        return Counter(projection.limit for projection in self.typical).most_common(1)[0][0]


def forecast(
    sweep: Sweep,
    *,
    baseline: TrialCost,
    drawn: Sequence[TrialCost],
    slots: int,
    gpus: float,
    process_s: float,
    begin_s: float,
) -> Forecast:
    """Forecast a sweep.

    Args:
        sweep: how many trials, rungs, patience, budget, confirmation.
        baseline: the cost of the first trial.
        drawn: the costs of configurations that are drawn at random from the space.
        slots: how many trials train at once.
        gpus: GPUs of one slot.
        process_s: start-up time of a slot's process, without its networks.
        begin_s: time until the first trial starts.
    """

    def project(scenario: Scenario) -> Projection:
        trainings = _trainings(sweep, scenario, baseline, drawn)
        search = simulate(trainings, slots=slots, rungs=_rungs(sweep), begin_s=begin_s, process_s=process_s)
        again = _confirmed(sweep, trainings)
        confirmation = simulate(again, slots=slots, rungs=None, begin_s=0.0, process_s=process_s)
        return _projection(sweep, search, confirmation, gpus=gpus)

    scenarios = _scenarios(sweep, may_lose_patience=any(cost.patience for cost in (baseline, *drawn)))
    until_s = time.monotonic() + LIMIT_S
    projections: list[Projection] = []
    for scenario in scenarios:
        if projections and time.monotonic() > until_s:
            break
        projections.append(project(scenario))
    typical = [o for o, s in zip(projections, scenarios, strict=False) if s.patience == "between"] or projections
    left_out = len(scenarios) - len(projections)
    return Forecast(projections=tuple(projections), typical=tuple(typical), left_out=left_out)


def _scenarios(sweep: Sweep, *, may_lose_patience: bool) -> list[Scenario]:
    patience: Sequence[Patience] = ("between", "early", "late") if may_lose_patience else ("late",)
    biases: Sequence[CostBias] = ("cheap", "neutral", "expensive") if sweep.search.sampler == "tpe" else ("neutral",)
    seeds = range(FEW_SEEDS if sweep.search.trials > MANY_TRIALS else SEEDS)
    return [Scenario(seed=seed, patience=p, bias=bias) for seed, p, bias in product(seeds, patience, biases)]


def _trainings(
    sweep: Sweep, scenario: Scenario, baseline: TrialCost, drawn: Sequence[TrialCost]
) -> list[SimulatedTraining]:
    """The trials of a sweep, in order."""
    random = np.random.default_rng(scenario.seed)
    count = int(min(sweep.search.trials, most_configurations(sweep)))

    def training(number: int) -> SimulatedTraining:
        protected = number == 0 and sweep.baseline is not None
        pair = sorted((drawn[index] for index in random.integers(len(drawn), size=2)), key=lambda cost: cost.seconds)
        scores, end = random.random(2), random.random()
        learned = scenario.bias != "neutral" and number >= STARTUP_TRIALS
        cost = pair[0 if scenario.bias == "cheap" else 1] if learned else pair[int(random.integers(2))]
        return _training(
            sweep,
            baseline if protected else cost,
            scenario.patience,
            score=float(max(scores) if learned else scores[0]),
            end=end,
            protected=protected,
        )

    return [training(number) for number in range(count)]


def _training(
    sweep: Sweep, cost: TrialCost, patience: Patience, *, score: float, end: float, protected: bool
) -> SimulatedTraining:
    """One training run that ends, if nothing stops it, at ``end`` of what patience allows (0: as early as possible)."""
    early = _earliest(sweep, cost)
    last = {"early": early, "between": round(early + end * (sweep.epochs - early)), "late": sweep.epochs}[patience]
    return SimulatedTraining(
        cost=cost, score=score, last_epoch=last, loses_patience=last < sweep.epochs, protected=protected
    )


def _earliest(sweep: Sweep, cost: TrialCost) -> int:
    final = cost.stages[-1]
    before = cost.stages[-2].last_epoch if len(cost.stages) > 1 else 0
    # Patience does not count while the head trains alone.
    return earliest_end(cost.patience if final.unfrozen else None, from_epoch=before + 1, epochs=sweep.epochs)


def _rungs(sweep: Sweep) -> Rungs | None:
    search = sweep.search
    if search.scheduler == "none":
        return None
    return Rungs(grace_epochs=search.grace_epochs, reduction_factor=search.reduction_factor, epochs=sweep.epochs)


def _confirmed(sweep: Sweep, trainings: Sequence[SimulatedTraining]) -> list[SimulatedTraining]:
    """The best trials and the baseline, once per seed."""
    if sweep.confirm is None:
        return []
    best = sorted(trainings, key=lambda training: -training.score)[: sweep.confirm.top]
    baseline = [training for training in trainings if training.protected and training not in best]
    again = [replace(training, cost=training.cost.confirmed()) for training in [*best, *baseline]]
    return [training for training in again for _ in range(sweep.confirm.seeds)]


def _projection(sweep: Sweep, search: Simulation, confirmation: Simulation, *, gpus: float) -> Projection:
    confirm_s = confirmation.seconds
    confirm_epochs, confirm_slot_s = confirmation.epochs_by(confirm_s), confirmation.slot_seconds_by(confirm_s)
    price = sweep.resources.usd_per_hour or 0.0
    budget = sweep.budget
    limits = [
        ("hours", budget.hours, confirm_s / 3600, lambda at_s: at_s / 3600),
        ("epochs", budget.epochs, confirm_epochs, search.epochs_by),
        ("gpu_hours", budget.gpu_hours, confirm_slot_s / 3600 * gpus, lambda at_s: _hours(search, at_s) * gpus),
        ("usd", budget.usd, confirm_slot_s / 3600 * price, lambda at_s: _hours(search, at_s) * price),
    ]
    ends = [
        (_reached(spent, max(limit / 2, limit - reserved), search.seconds), f"budget.{name} = {limit:g}")
        for name, limit, reserved, spent in limits
        if limit is not None
    ]
    at_s, limit = min([(search.seconds, ""), *ends])
    return Projection(
        trials=search.trainings_by(at_s),
        epochs=search.epochs_by(at_s),
        hours=at_s / 3600,
        slot_hours=_hours(search, at_s),
        epoch_s=search.training_seconds_by(at_s) / max(1.0, search.epochs_by(at_s)),
        confirm_trainings=len(confirmation.ended_s),
        confirm_epochs=confirm_epochs,
        confirm_hours=confirm_s / 3600,
        confirm_slot_hours=confirm_slot_s / 3600,
        limit=limit or None,
    )


def _hours(search: Simulation, at_s: float) -> float:
    return search.slot_seconds_by(at_s) / 3600


def _reached(spent: Callable[[float], float], limit: float, end_s: float) -> float:
    """Return when ``spent``, which never falls, reaches ``limit``; infinity if it does not by the end."""
    if spent(end_s) < limit:
        return float("inf")
    low, high = 0.0, end_s
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if spent(middle) >= limit else (middle, high)
    return high
