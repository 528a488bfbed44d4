"""The cluster that a sweep trains on: its slots now, and those that may be added."""

from __future__ import annotations

from collections.abc import Callable

from clusters.autoscaler import startable_nodes
from clusters.health.version_watch import VersionWatch
from clusters.membership import Member
from clusters.slots import Node, choose_slot, count_slots, slot_memory_bytes

FIRST_SLOTS = 4
"""A growing cluster is asked for as many slots as it already has, and for at least this many."""


class Cluster:
    """Where the trials of a sweep run: one machine, or many that join and leave.

    Args:
        members: returns the nodes that are alive at the time of the call.
        may_grow: whether this is a cluster whose autoscaler may start nodes.
        image_side_px: see `choose_slot`, also for ``cpus`` and ``gpus``.
    """

    def __init__(
        self,
        members: Callable[[], tuple[Member, ...]],
        *,
        may_grow: bool,
        image_side_px: int,
        cpus: int | None,
        gpus: float | None,
    ) -> None:
        self._members = members
        self._version_watch = VersionWatch()
        self._startable = startable_nodes(self._nodes()) if may_grow else ()
        self.slot = choose_slot(self._all_nodes(), image_side_px=image_side_px, cpus=cpus, gpus=gpus)

    def slots(self) -> int:
        """Return how many trials can train at once now."""
        return max(1, count_slots(self.slot, self._nodes()))

    def max_concurrent(self) -> int:
        """Return how many trials to create: one per slot, and more for those that the autoscaler may add, because it
        starts nodes only while trials are waiting."""
        now = count_slots(self.slot, self._nodes())
        more = max(now, FIRST_SLOTS)
        if self._startable is not None:
            more = min(more, max(0, count_slots(self.slot, self._startable) - now))
        return max(1, now + more)

    def slot_memory_bytes(self) -> int:
        """Return the memory that a trial may use."""
        return slot_memory_bytes(self.slot, self._all_nodes())

    def leaving_nodes(self) -> list[str]:
        """Return Ray's ids of the nodes that are about to leave."""
        return [member.id for member in self._members() if member.leaving]

    def mismatched_host(self) -> str | None:
        """Return the host of a node that joined with versions other than the driver's; None if none is known."""
        found = self._version_watch.mismatch(self._members())
        return found.host if found else None

    def _nodes(self) -> tuple[Node, ...]:
        """Return the resources of the nodes that accept new trials."""
        return tuple(member.node for member in self._members() if not member.leaving)

    def _all_nodes(self) -> tuple[Node, ...]:
        return self._nodes() + (self._startable or ())
