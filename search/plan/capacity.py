"""How many trials would train at once, and where: told before a sweep starts, and without starting a Ray."""

from __future__ import annotations

import os
from dataclasses import dataclass

from clusters.connection.address import ClusterChoice, choose_cluster
from clusters.health.check import NoAnswerError, survey
from clusters.health.diagnose import mixed
from clusters.health.survey import Wish
from clusters.nodes import this_node
from clusters.slots import Node, Slot, count_slots, slot_memory_bytes
from search.machine import count_gpus
from search.plan.placement import chosen_slot
from spaces.file.sweep import Sweep

BUSY = 0.5
"""So many processes that want a core, for each that there is, make times doubtful."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Room for trials."""

    slot: Slot
    slots: int
    """How many trials train at once."""
    slots_here: int
    """How many of these would fit this machine: so many are timed side by side."""
    gpus_here: bool
    """Whether this machine has what a slot has of GPUs, or a slot has none."""
    memory_bytes: int
    """The memory of a slot."""
    cluster: bool
    """Whether the trials would run on a cluster."""
    doubts: tuple[str, ...]
    """What could not be known, a sentence each."""


def capacity(sweep: Sweep, *, image_side_px: int) -> Capacity:
    """The slots of the cluster that a sweep from here would run on, or of this machine."""
    here, chosen = this_node(gpus=count_gpus()), choose_cluster()
    cluster = bool(chosen.address)
    nodes, startable, doubts = _cluster_nodes(chosen) if cluster else ((here,), (), [])
    if chosen.sentence:
        doubts.append(chosen.sentence)
    if not nodes:
        doubts.append("The cluster did not answer: counted is what this machine has.")
        nodes = (here,)
    elif cluster:
        doubts.append("Timed on this machine: the cluster's may be faster or slower.")
    if os.getloadavg()[0] > BUSY * here.cpus:
        load = f"load {os.getloadavg()[0]:.1f} on {here.cpus:g} cores"
        doubts.append(f"This machine is busy with something else ({load}): the sweep may be faster than the plan says.")
    slot = chosen_slot(sweep.resources, [*nodes, *startable], image_side_px=image_side_px)
    slots = count_slots(slot, nodes)
    more = count_slots(slot, startable)
    if more > slots:
        doubts.append(f"Counted are the machines that run now; the autoscaler may start more, for up to {more} trials.")
    elif not slots:
        doubts.append("No machine has what resources asks for one trial; counted is one trial at a time.")
    if slot.gpus and not here.gpus:
        doubts.append("There is no GPU on this machine: times are those of its CPU, and memory of a GPU is not known.")
    return Capacity(
        slot=slot,
        slots=max(1, slots),
        slots_here=max(1, count_slots(slot, [here])),
        gpus_here=here.gpus >= slot.gpus,
        memory_bytes=slot_memory_bytes(slot, [*nodes, *startable]),
        cluster=cluster,
        doubts=tuple(doubts),
    )


def _cluster_nodes(chosen: ClusterChoice) -> tuple[tuple[Node, ...], tuple[Node, ...], list[str]]:
    """The nodes that live, those that may be started, and what would keep a sweep from starting."""
    try:
        found = survey(chosen, Wish())
    except NoAnswerError:
        return (), (), []
    doubts = [f"The sweep will be refused: {trouble.where}: {trouble.wrong}." for trouble in mixed(found)]
    return found.alive, found.startable or (), doubts
