"""What a driver watches while Ray Tune trains: Ray itself, the nodes, the budget, and whether there is progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from clusters.cluster import Cluster
from clusters.health.heartbeat import Heartbeat
from clusters.slots import count_slots
from search.plan.placement import UnfitClusterError
from search.run.reader import Run
from search.study.budget import Meter, Spending, exhausted
from search.study.candidates import expected_cost
from search.study.study import Study
from search.tuner.actor import ActorHandle
from search.tuner.searcher import Record
from search.tuner.stall import Stall
from search.tuner.stopping import INTERRUPTED, Stopping
from spaces.file.sweep import Budget, Sweep
from spaces.problem import WorkFailedError

REMEDY = "`tunehound cluster check` shows which; install the driver's versions there, or remove it from the cluster."
COST_VALID_S = 10.0
"""Seconds for which an estimate of the confirmation's cost is reused."""
MAX_REVIVALS = 5
"""If the run's own actor has died more often, its machine is not fit for it."""

ShowMessage = Callable[[str], None]
Value = TypeVar("Value")


class RayDiedError(WorkFailedError):
    """A part of Ray that a sweep cannot do without has died."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A run that is being driven on a cluster."""

    run: Run
    sweep: Sweep
    study: Study
    cluster: Cluster
    health: Heartbeat
    message: ShowMessage
    """Shows a sentence to the user."""
    should_stop: Callable[[], bool]
    """Returns whether the sweep must stop because another driver has taken it over."""


def supervise(
    session: Session,
    recorder: Record,
    stopping: Stopping,
    meter: Meter,
    actor: ActorHandle,
    *,
    reserved: Callable[[], Spending],
) -> Callable[[], None]:
    """Return a function to be called in every iteration of Ray Tune's loop.

    Args:
        session: the run and where it trains.
        recorder: shows what trains.
        stopping: stops the sweep.
        meter: sums up what it has spent.
        actor: of the run; restarted if it dies.
        reserved: returns what must be left for the confirmation.
    """
    duties: Sequence[Callable[[], None]] = (
        session.health.turn,
        lambda: _record_spending(meter, stopping),
        lambda: _stop_if_ray_died(session.health, stopping),
        _revive(session, actor, stopping),
        lambda: _follow_nodes(session.cluster, actor, stopping),
        lambda: stopping.now(INTERRUPTED) if session.should_stop() else None,
        lambda: _stop_at_budget(session, recorder, meter, stopping, reserved),
        Stall(recorder, slots=lambda: _slots(session), message=session.message).check,
    )

    def watch() -> None:
        for duty in duties:
            duty()

    return watch


def _slots(session: Session) -> tuple[int, int]:
    """Return how many slots are free, and how many there are."""
    return count_slots(session.cluster.slot, [session.health.free]), session.cluster.slots()


def _record_spending(meter: Meter, stopping: Stopping) -> None:
    with stopping.at_failure():
        meter.read()


def _stop_if_ray_died(health: Heartbeat, stopping: Stopping) -> None:
    if health.fault:
        stopping.fail(RayDiedError(f"{health.fault}."))


def _revive(session: Session, actor: ActorHandle, stopping: Stopping) -> Callable[[], None]:
    revivals = 0

    def revive() -> None:
        nonlocal revivals
        if stopping.early or not actor.revive():
            return
        revivals += 1
        if revivals > MAX_REVIVALS:
            stopping.fail(RayDiedError(f"The run's own process in Ray died {revivals} times."))
        else:
            session.message("The run's own process in Ray died and was restarted; the running trials continue.")

    return revive


def _follow_nodes(cluster: Cluster, actor: ActorHandle, stopping: Stopping) -> None:
    for node in cluster.leaving_nodes():
        actor.stop_node(node)
    if host := cluster.mismatched_host():
        stopping.fail(UnfitClusterError(f"{host} joined the cluster with other versions than the driver's. {REMEDY}"))


def _stop_at_budget(
    session: Session, recorder: Record, meter: Meter, stopping: Stopping, reserved: Callable[[], Spending]
) -> None:
    budget = session.sweep.budget
    if budget == Budget():
        return
    spent = Spending(hours=meter.hours, epochs=recorder.epochs, slot_hours=meter.slot_hours)
    price, gpus = session.sweep.resources.usd_per_hour or 0.0, session.cluster.slot.gpus
    if reason := exhausted(budget, spent, gpus=gpus, usd_per_hour=price, reserved=reserved()):
        stopping.now(reason)


def confirmation_cost(session: Session) -> Callable[[], Spending]:
    """Return a function that estimates the cost of the confirmation from the search so far; zero if there is none."""
    confirm = session.sweep.confirm
    if confirm is None:
        return Spending

    def cost() -> Spending:
        expected = expected_cost(session.run.as_of(session.study.journal), confirm, session.sweep.trial)
        return replace(expected, hours=expected.slot_hours / session.cluster.slots())

    return _cached(COST_VALID_S, cost)


def _cached(seconds: float, measure: Callable[[], Value]) -> Callable[[], Value]:
    """Return the same function, called no more often than every so many seconds."""
    kept: list[tuple[float, Value]] = []

    def measured() -> Value:
        if not kept or time.monotonic() - kept[0][0] > seconds:
            kept[:] = [(time.monotonic(), measure())]
        return kept[0][1]

    return measured
