"""What a driver looks after while Ray Tune trains: Ray itself, the nodes, the budget, and whether anything moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from clusters.cluster import Cluster
from clusters.health.heartbeat import Heartbeat
from clusters.slots import count_slots
from search.plan.placement import UnfitClusterError
from search.run.events import RunInfo
from search.study.study import Study
from search.tuner.actor import AtHome
from search.tuner.budget import Cost, Meter, spent
from search.tuner.candidates import expected_cost
from search.tuner.confirmation import in_memory
from search.tuner.searcher import Record
from search.tuner.stall import Stall
from search.tuner.stopping import INTERRUPTED, Ending
from spaces.file.sweep import Budget, Sweep
from spaces.problem import WorkFailedError

REMEDY = "`tunehound cluster check` tells which; install the driver's there, or take it out of the cluster."
COST_VALID_S = 10.0
"""How long an estimate of what the confirmation will cost is good."""
REVIVALS = 5
"""When the run's own actor has died so often, its machine is not fit for it."""

Tell = Callable[[str], None]
Measured = TypeVar("Measured")


class RayDiedError(WorkFailedError):
    """A part of Ray has died that a sweep cannot do without."""


@dataclass(frozen=True, kw_only=True)
class Driven:
    """A run being driven on a cluster."""

    run: RunInfo
    sweep: Sweep
    study: Study
    cluster: Cluster
    health: Heartbeat
    tell: Tell
    """Reaches the user."""
    halted: Callable[[], bool]
    """Whether the sweep must stop, because somebody else drives it."""


def supervise(
    driven: Driven, recorder: Record, ending: Ending, meter: Meter, home: AtHome, *, to_come: Callable[[], Cost]
) -> Callable[[], None]:
    """What is to be called at every turn of Ray Tune's loop.

    Args:
        driven: the run and where it trains.
        recorder: knows what trains.
        ending: is told where the sweep must end.
        meter: counts what it has cost.
        home: is started again where it has died.
        to_come: what is to be kept back for the confirmation.
    """
    duties: Sequence[Callable[[], None]] = (
        driven.health.turn,
        lambda: _record_cost(meter, ending),
        lambda: _end_with_ray(driven.health, ending),
        _revive(driven, home, ending),
        lambda: _follow_nodes(driven.cluster, home, ending),
        lambda: ending.now(INTERRUPTED) if driven.halted() else None,
        lambda: _end_with_budget(driven, recorder, meter, ending, to_come),
        Stall(recorder, slots=lambda: _slots(driven), message=driven.tell).look,
    )

    def at_every_turn() -> None:
        for duty in duties:
            duty()

    return at_every_turn


def _slots(driven: Driven) -> tuple[int, int]:
    """How many slots are free, and how many there are."""
    return count_slots(driven.cluster.slot, [driven.health.free]), driven.cluster.slots()


def _record_cost(meter: Meter, ending: Ending) -> None:
    with ending.at_failure():
        meter.read()


def _end_with_ray(health: Heartbeat, ending: Ending) -> None:
    if health.fault:
        ending.fail(RayDiedError(f"{health.fault}."))


def _revive(driven: Driven, home: AtHome, ending: Ending) -> Callable[[], None]:
    revivals = 0

    def revive() -> None:
        nonlocal revivals
        if ending.early or not home.revive():
            return
        revivals += 1
        if revivals > REVIVALS:
            ending.fail(RayDiedError(f"The run's own process in Ray died {revivals} times."))
        else:
            driven.tell("The run's own process in Ray died and was started again; the running trials continue from it.")

    return revive


def _follow_nodes(cluster: Cluster, home: AtHome, ending: Ending) -> None:
    for node in cluster.leaving():
        home.leave(node)
    if host := cluster.unlike():
        ending.fail(UnfitClusterError(f"{host} joined the cluster with other versions than the driver's. {REMEDY}"))


def _end_with_budget(
    driven: Driven, recorder: Record, meter: Meter, ending: Ending, to_come: Callable[[], Cost]
) -> None:
    budget = driven.sweep.budget
    if budget == Budget():
        return
    cost = Cost(hours=meter.hours, epochs=recorder.epochs, slot_hours=meter.slot_hours)
    price, gpus = driven.sweep.resources.usd_per_hour or 0.0, driven.cluster.slot.gpus
    if reason := spent(budget, cost, gpus=gpus, usd_per_hour=price, to_come=to_come()):
        ending.now(reason)


def confirmation_cost(driven: Driven) -> Callable[[], Cost]:
    """What the confirmation is going to cost, as far as the search can tell; nothing where there will be none."""
    confirm = driven.sweep.confirm
    if confirm is None:
        return Cost

    def cost() -> Cost:
        expected = expected_cost(in_memory(driven.run, driven.sweep, driven.study), confirm, driven.sweep.trial)
        return replace(expected, hours=expected.slot_hours / driven.cluster.slots())

    return _kept_for(COST_VALID_S, cost)


def _kept_for(seconds: float, measure: Callable[[], Measured]) -> Callable[[], Measured]:
    """The same measurement, made anew no more often than every so many seconds."""
    kept: list[tuple[float, Measured]] = []

    def measured() -> Measured:
        if not kept or time.monotonic() - kept[0][0] > seconds:
            kept[:] = [(time.monotonic(), measure())]
        return kept[0][1]

    return measured
