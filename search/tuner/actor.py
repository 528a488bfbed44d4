"""The driver's side of a run's home: the actor that processes everywhere turn to."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.run.events import RunInfo
from trainables.trial.actor import Home
from trainables.trial.task import HomeAddress

CALLS_AT_ONCE = 100_000
"""Every process that trains waits in one call of the actor."""


class AtHome:
    """Tells processes everywhere what concerns them; nothing here waits for an answer."""

    def __init__(self, address: HomeAddress, actor: Any) -> None:
        self.address, self._actor = address, actor
        self._left: set[str] = set()

    def stop(self) -> None:
        """All processes of the run save their trials and stop."""
        self._actor.stop.remote()

    def leave(self, node: str) -> None:
        """Those on a node that is going away do."""
        if node not in self._left:
            self._left.add(node)
            self._actor.leave.remote(node)

    def hand_out(self, folder: Path, attempt: int) -> None:
        """Whoever had the trial before is not heard any more."""
        self._actor.hand_out.remote(str(folder), attempt)


@contextmanager
def at_home(run: RunInfo) -> Iterator[AtHome]:
    """A home for the run while it is driven, on this machine."""
    node = ray.get_runtime_context().get_node_id()
    address = HomeAddress(
        actor=f"tunehound-{run.id}-{secrets.token_hex(4)}", node=node
    )  # the search's may not be gone yet
    here = NodeAffinitySchedulingStrategy(node, soft=False)
    options = {"name": address.actor, "num_cpus": 0, "max_concurrency": CALLS_AT_ONCE, "scheduling_strategy": here}
    actor = ray.remote(Home).options(**options).remote()
    try:
        yield AtHome(address, actor)
    finally:
        ray.kill(actor)
