"""The cluster that a sweep trains on: its slots now, and those to come."""

from __future__ import annotations

from collections.abc import Callable

from clusters.autoscaler import startable_nodes
from clusters.health.version_watch import Newcomers
from clusters.membership import Member
from clusters.slots import Node, choose_slot, count_slots, slot_memory_bytes

FIRST_SLOTS = 4
"""A cluster that grows is asked for as many slots again as it has, or for so many where it has fewer."""


class Cluster:
    """Where the trials of a sweep run: one machine, or many that come and go.

    Args:
        members: the living nodes, as they are when it is called.
        may_grow: whether it is a cluster, whose autoscaler may start nodes.
        image_side_px: see `choose_slot`, as ``cpus`` and ``gpus``.
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
        self._newcomers = Newcomers()
        self._startable = startable_nodes(self._nodes()) if may_grow else ()
        self.slot = choose_slot(self._all_nodes(), image_side_px=image_side_px, cpus=cpus, gpus=gpus)

    def slots(self) -> int:
        """How many trials can train at once, now."""
        return max(1, count_slots(self.slot, self._nodes()))

    def room(self) -> int:
        """So many trials are handed out: for the slots that there are and, because trials that wait make an autoscaler
        start nodes, for as many again, as far as there may be."""
        now = count_slots(self.slot, self._nodes())
        more = max(now, FIRST_SLOTS)
        if self._startable is not None:
            more = min(more, max(0, count_slots(self.slot, self._startable) - now))
        return max(1, now + more)

    def slot_memory_bytes(self) -> int:
        """The memory that a trial has."""
        return slot_memory_bytes(self.slot, self._all_nodes())

    def leaving(self) -> list[str]:
        """Ray's ids of the nodes that are about to go away."""
        return [member.id for member in self._members() if member.leaving]

    def unlike(self) -> str | None:
        """The host of a node that joined with other versions than the driver's; None while none is known."""
        found = self._newcomers.unlike(self._members())
        return found.host if found else None

    def _nodes(self) -> tuple[Node, ...]:
        """What those have that take new trials."""
        return tuple(member.node for member in self._members() if not member.leaving)

    def _all_nodes(self) -> tuple[Node, ...]:
        return self._nodes() + (self._startable or ())
