"""How many trials train at once, and the resources that each of them holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

TRIAL_MEMORY_BYTES = 1.5 * 2**30
"""Assumed for a process with TensorFlow, a small model and its data."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The resources that one trial holds while it trains."""

    cpus: int
    gpus: float

    def bundle(self) -> dict[str, float]:
        """Return the slot as a resource bundle of Ray."""
        return {"CPU": self.cpus, "GPU": self.gpus} if self.gpus else {"CPU": self.cpus}

    def describe(self, *, memory_bytes: float) -> str:
        """Describe the slot: ``2 CPUs, 0.25 GPU, 7.5 GB of memory``."""
        gpu = f"{self.gpus:g} GPU{'s' if self.gpus > 1 else ''}, " if self.gpus else ""
        return f"{self.cpus} CPU{'s' if self.cpus > 1 else ''}, {gpu}{memory_bytes / 1e9:.1f} GB of memory"


@dataclass(frozen=True, kw_only=True)
class Node:
    """One machine of the cluster, as Ray counts it."""

    cpus: float
    gpus: float
    memory_bytes: float


def count_slots(slot: Slot, nodes: Sequence[Node]) -> int:
    """Return how many trials fit on the nodes; a trial never spans two nodes."""
    return sum(_fitting(slot, node) for node in nodes)


def slot_memory_bytes(slot: Slot, nodes: Sequence[Node]) -> int:
    """Return the memory of a slot: its share of its node, on the node where that is least."""
    shares = (node.memory_bytes / fitting for node in nodes if (fitting := _fitting(slot, node)))
    return int(min(shares, default=TRIAL_MEMORY_BYTES * slot.cpus))


def choose_slot(
    nodes: Sequence[Node], *, image_side_px: int, cpus: int | None = None, gpus: float | None = None
) -> Slot:
    """Choose the resources of a trial on these nodes, unless ``cpus`` and ``gpus`` are given.

    Trials with small images share a GPU (four up to 64 pixels a side, two up to 128), because one of them cannot keep
    it busy. Without GPUs, a trial takes one core, which wastes least, or more if memory is scarce.
    """
    if gpus is None:
        gpus = _gpu_share(image_side_px) if any(node.gpus for node in nodes) else 0.0
    if cpus is None:
        cpus = min((_cpu_share(node, gpus) for node in nodes if node.gpus or not gpus), default=1)
    return Slot(cpus=cpus, gpus=gpus)


def _gpu_share(image_side_px: int) -> float:
    if image_side_px <= 64:
        return 0.25
    return 0.5 if image_side_px <= 128 else 1.0


def _cpu_share(node: Node, gpus: float) -> int:
    by_memory = max(1, int(node.memory_bytes / TRIAL_MEMORY_BYTES))
    trials = min(node.cpus, by_memory, node.gpus / gpus if gpus else math.inf)
    return max(1, int(node.cpus / max(1, trials)))


def _fitting(slot: Slot, node: Node) -> int:
    by_cpu = int(node.cpus / slot.cpus)
    if not slot.gpus:
        return by_cpu
    # A share of a GPU is on one GPU: 0.4 fits twice on each, not five times on two.
    by_gpu = int(node.gpus) * int(1 / slot.gpus + 1e-9) if slot.gpus < 1 else int(node.gpus / slot.gpus)
    return min(by_cpu, by_gpu)
