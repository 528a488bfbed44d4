"""What a sweep will come to: played through many times, over what nobody knows before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median
from typing import Literal

import numpy as np

from search.plan.costs import Cost
from search.plan.simulation import Course, Training, earliest_end, play
from search.study.rungs import Rungs
from search.study.space import most_configurations
from spaces.file.sweep import Sweep

RAY_START_S = 5.0
"""Until Ray runs on a machine and hands out the first trial."""
STARTUP_TRIALS = 10
"""After so many, TPE proposes what it has learned."""
SEEDS, FEW_SEEDS, MANY_TRIALS = 5, 2, 1000
"""How often each scenario is played; a sweep of many trials differs less from one time to the next."""

Patience = Literal["early", "between", "late"]
Lean = Literal["cheap", "even", "dear"]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is not known before, settled in one way."""

    seed: int
    """Of the scores, and of which configurations are drawn."""
    patience: Patience
    """When trials that no rung stops lose patience: as early as can be, at any epoch, never."""
    lean: Lean
    """Whether what TPE learns to prefer is cheap to train, or dear; where it is neither, it learns nothing."""


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What one play came to."""

    trials: int
    """That ended before the search did."""
    epochs: float
    """Of the search."""
    hours: float
    """Of the search, wall-clock."""
    slot_hours: float
    """Of the search: time for which trials held their slots, added up."""
    epoch_s: float
    """Mean of the search's epochs."""
    confirm_trainings: int
    confirm_epochs: float
    confirm_hours: float
    confirm_slot_hours: float
    limit: str | None
    """Which limit of the budget ended the search; None where all trials were trained."""


@dataclass(frozen=True)
class Span:
    """An expected number and its range."""

    low: float
    middle: float
    high: float

    def told(self, text: Callable[[float], str], unit: str = "") -> str:
        """``38 min (26 min – 1 h 10 min)``, ``198 epochs (96 – 384)``; no range where its ends read the same."""
        low, middle, high = text(self.low), text(self.middle), text(self.high)
        return f"{middle}{unit}" + ("" if low == high else f" ({low} – {high})")


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """All plays, and those in the middle of what may be."""

    outlooks: tuple[Outlook, ...]
    middling: tuple[Outlook, ...]

    def span(self, value: Callable[[Outlook], float]) -> Span:
        """The median over the plays in the middle; the least and the most over all."""
        values = [value(outlook) for outlook in self.outlooks]
        return Span(min(values), median(value(outlook) for outlook in self.middling), max(values))

    @property
    def limit(self) -> str | None:
        """What most often ends the search."""
        return Counter(outlook.limit for outlook in self.middling).most_common(1)[0][0]


def forecast(
    sweep: Sweep, *, baseline: Cost, drawn: Sequence[Cost], slots: int, gpus: float, process_s: float, begin_s: float
) -> Forecast:
    """Plays a sweep through.

    Args:
        sweep: how many trials, rungs, patience, budget, confirmation.
        baseline: what the first trial takes.
        drawn: what configurations take that are drawn from the space at random.
        slots: how many trials train at once.
        gpus: of one slot.
        process_s: what a slot's process takes before its first epoch, its networks aside.
        begin_s: until the first trial is handed out.
    """

    def played(scenario: Scenario) -> Outlook:
        trainings = _trainings(sweep, scenario, baseline, drawn)
        course = play(trainings, slots=slots, rungs=_rungs(sweep), begin_s=begin_s, process_s=process_s)
        again = _confirmed(sweep, trainings)
        confirmation = play(again, slots=slots, rungs=None, begin_s=0.0, process_s=process_s)
        return _outlook(sweep, course, confirmation, gpus=gpus)

    scenarios = _scenarios(sweep, may_lose_patience=any(cost.patience for cost in (baseline, *drawn)))
    outlooks = [played(scenario) for scenario in scenarios]
    middling = [o for o, s in zip(outlooks, scenarios, strict=True) if s.patience == "between"] or outlooks
    return Forecast(outlooks=tuple(outlooks), middling=tuple(middling))


def _scenarios(sweep: Sweep, *, may_lose_patience: bool) -> list[Scenario]:
    patience: Sequence[Patience] = ("early", "between", "late") if may_lose_patience else ("late",)
    lean: Sequence[Lean] = ("cheap", "even", "dear") if sweep.search.sampler == "tpe" else ("even",)
    seeds = range(FEW_SEEDS if sweep.search.trials > MANY_TRIALS else SEEDS)
    return [Scenario(seed=seed, patience=p, lean=way) for seed, p, way in product(seeds, patience, lean)]


def _trainings(sweep: Sweep, scenario: Scenario, baseline: Cost, drawn: Sequence[Cost]) -> list[Training]:
    """The trials of a sweep, in order."""
    random = np.random.default_rng(scenario.seed)
    count = int(min(sweep.search.trials, most_configurations(sweep)))

    def training(number: int) -> Training:
        spared = number == 0 and sweep.baseline is not None
        pair = sorted((drawn[index] for index in random.integers(len(drawn), size=2)), key=lambda cost: cost.seconds)
        scores, end = random.random(2), random.random()
        learned = scenario.lean != "even" and number >= STARTUP_TRIALS
        cost = pair[0 if scenario.lean == "cheap" else 1] if learned else pair[int(random.integers(2))]
        return _training(
            sweep,
            baseline if spared else cost,
            scenario.patience,
            score=float(max(scores) if learned else scores[0]),
            end=end,
            spared=spared,
        )

    return [training(number) for number in range(count)]


def _training(sweep: Sweep, cost: Cost, patience: Patience, *, score: float, end: float, spared: bool) -> Training:
    """One training run that ends, if nothing stops it, at ``end`` of what patience allows (0: as early as can be)."""
    early = _earliest(sweep, cost)
    last = {"early": early, "between": round(early + end * (sweep.epochs - early)), "late": sweep.epochs}[patience]
    return Training(cost=cost, score=score, last_epoch=last, loses_patience=last < sweep.epochs, spared=spared)


def _earliest(sweep: Sweep, cost: Cost) -> int:
    final = cost.stages[-1]
    before = cost.stages[-2].last_epoch if len(cost.stages) > 1 else 0
    # A head that trains alone is not waited for.
    return earliest_end(cost.patience if final.unfrozen else None, from_epoch=before + 1, epochs=sweep.epochs)


def _rungs(sweep: Sweep) -> Rungs | None:
    search = sweep.search
    if search.scheduler == "none":
        return None
    return Rungs(grace_epochs=search.grace_epochs, reduction_factor=search.reduction_factor, epochs=sweep.epochs)


def _confirmed(sweep: Sweep, trainings: Sequence[Training]) -> list[Training]:
    """The best trials and the baseline, each as often as there are seeds."""
    if sweep.confirm is None:
        return []
    best = sorted(trainings, key=lambda training: -training.score)[: sweep.confirm.top]
    baseline = [training for training in trainings if training.spared and training not in best]
    again = [replace(training, cost=training.cost.confirmed()) for training in [*best, *baseline]]
    return [training for training in again for _ in range(sweep.confirm.seeds)]


def _outlook(sweep: Sweep, course: Course, confirmation: Course, *, gpus: float) -> Outlook:
    confirm_s = confirmation.seconds
    confirm_epochs, confirm_slot_s = confirmation.epochs_by(confirm_s), confirmation.slot_seconds_by(confirm_s)
    price = sweep.resources.usd_per_hour or 0.0
    budget = sweep.budget
    limits = [
        ("hours", budget.hours, confirm_s / 3600, lambda at_s: at_s / 3600),
        ("epochs", budget.epochs, confirm_epochs, course.epochs_by),
        ("gpu_hours", budget.gpu_hours, confirm_slot_s / 3600 * gpus, lambda at_s: _hours(course, at_s) * gpus),
        ("usd", budget.usd, confirm_slot_s / 3600 * price, lambda at_s: _hours(course, at_s) * price),
    ]
    ends = [
        (_reached(spent, max(limit / 2, limit - reserved), course.seconds), f"budget.{name} = {limit:g}")
        for name, limit, reserved, spent in limits
        if limit is not None
    ]
    at_s, limit = min([(course.seconds, ""), *ends])
    return Outlook(
        trials=course.trainings_by(at_s),
        epochs=course.epochs_by(at_s),
        hours=at_s / 3600,
        slot_hours=_hours(course, at_s),
        epoch_s=course.training_seconds_by(at_s) / max(1.0, course.epochs_by(at_s)),
        confirm_trainings=len(confirmation.ended_s),
        confirm_epochs=confirm_epochs,
        confirm_hours=confirm_s / 3600,
        confirm_slot_hours=confirm_slot_s / 3600,
        limit=limit or None,
    )


def _hours(course: Course, at_s: float) -> float:
    return course.slot_seconds_by(at_s) / 3600


def _reached(spent: Callable[[float], float], limit: float, end_s: float) -> float:
    """When ``spent``, which never falls, reaches ``limit``; infinite where it does not by the end."""
    if spent(end_s) < limit:
        return float("inf")
    low, high = 0.0, end_s
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if spent(middle) >= limit else (middle, high)
    return high
