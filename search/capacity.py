"""How many trials would train at once, and where: told before a sweep starts, and without starting a Ray."""

from __future__ import annotations

import os
from dataclasses import dataclass

from clusters.nodes import cluster_nodes, in_cluster, this_node
from clusters.slots import Slot, choose_slot, count_slots, slot_memory_bytes
from search.machine import count_gpus
from spaces.sweep import Sweep

CLUSTER_TIMEOUT_S = 60.0
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
    here, cluster, doubts = this_node(gpus=count_gpus()), in_cluster(), []
    nodes = cluster_nodes(timeout_s=CLUSTER_TIMEOUT_S) if cluster else (here,)
    if not nodes:
        doubts.append("The cluster did not answer: counted is what this machine has.")
        nodes = (here,)
    elif cluster:
        doubts.append("Timed on this machine: the cluster's may be faster or slower.")
    if os.getloadavg()[0] > BUSY * here.cpus:
        load = f"load {os.getloadavg()[0]:.1f} on {here.cpus:g} cores"
        doubts.append(f"This machine is busy with something else ({load}): the sweep may be faster than the plan says.")
    wanted = sweep.resources
    slot = choose_slot(nodes, image_side_px=image_side_px, cpus=wanted.cpus, gpus=wanted.gpus)
    slots = count_slots(slot, nodes)
    if not slots:
        doubts.append("No machine has what resources asks for one trial; counted is one trial at a time.")
    if slot.gpus and not here.gpus:
        doubts.append("There is no GPU on this machine: times are those of its CPU, and memory of a GPU is not known.")
    return Capacity(
        slot=slot,
        slots=max(1, slots),
        slots_here=max(1, count_slots(slot, [here])),
        gpus_here=here.gpus >= slot.gpus,
        memory_bytes=slot_memory_bytes(slot, nodes),
        cluster=cluster,
        doubts=tuple(doubts),
    )
