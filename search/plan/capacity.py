"""How many trials would train at once, and where; found out before a sweep starts, without starting Ray."""

from __future__ import annotations

import os
from dataclasses import dataclass

from clusters.connection.address import ClusterChoice, choose_cluster
from clusters.health.check import NoAnswerError, survey
from clusters.health.diagnose import version_mismatches
from clusters.health.survey import SurveyRequest
from clusters.slots import Node, Slot, count_slots, slot_memory_bytes
from search.machine import this_node
from search.plan.placement import chosen_slot
from spaces.file.sweep import Sweep

BUSY = 0.5
"""With more runnable processes per core than this, measured times are doubtful."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Room for trials."""

    slot: Slot
    slots: int
    """How many trials train at once."""
    slots_here: int
    """How many would fit on this machine, so that many are timed at once."""
    gpus_here: bool
    """Whether this machine has the GPUs of a slot, or a slot has none."""
    memory_bytes: int
    """The memory of a slot."""
    cluster: bool
    """Whether the trials would run on a cluster."""
    warnings: tuple[str, ...]
    """What is uncertain, one sentence each."""


def capacity(sweep: Sweep, *, image_side_px: int) -> Capacity:
    """Count the slots of the cluster that a sweep would run on, or of this machine."""
    here, chosen = this_node(), choose_cluster()
    cluster = bool(chosen.address)
    nodes, startable, warnings = _cluster_nodes(chosen) if cluster else ((here,), (), [])
    if chosen.message:
        warnings.append(chosen.message)
    if not nodes:
        warnings.append("The cluster did not answer; using this machine's resources instead.")
        nodes = (here,)
    elif cluster:
        warnings.append("Times were measured on this machine; the cluster may be faster or slower.")
    if os.getloadavg()[0] > BUSY * here.cpus:
        load = f"load {os.getloadavg()[0]:.1f} on {here.cpus:g} cores"
        warnings.append(f"This machine is busy with other work ({load}), so the sweep may be faster than planned.")
    slot = chosen_slot(sweep.resources, [*nodes, *startable], image_side_px=image_side_px)
    slots = count_slots(slot, nodes)
    more = count_slots(slot, startable)
    if more > slots:
        warnings.append(f"Only running machines are counted; the autoscaler may start more, for up to {more} trials.")
    elif not slots:
        warnings.append("No machine has the resources of a trial; assuming one trial at a time.")
    if slot.gpus and not here.gpus:
        warnings.append("There is no GPU on this machine: times are those of its CPU, and GPU memory is unknown.")
    return Capacity(
        slot=slot,
        slots=max(1, slots),
        slots_here=max(1, count_slots(slot, [here])),
        gpus_here=here.gpus >= slot.gpus,
        memory_bytes=slot_memory_bytes(slot, [*nodes, *startable]),
        cluster=cluster,
        warnings=tuple(warnings),
    )


def _cluster_nodes(chosen: ClusterChoice) -> tuple[tuple[Node, ...], tuple[Node, ...], list[str]]:
    """Return the live nodes, those that may be started, and warnings about what would prevent a sweep."""
    try:
        found = survey(chosen, SurveyRequest())
    except NoAnswerError:
        return (), (), []
    warnings = [f"The sweep will be refused: {each.where}: {each.wrong}." for each in version_mismatches(found)]
    return found.alive, found.startable or (), warnings
