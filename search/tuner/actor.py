"""The driver's side of a run's home: the actor that processes everywhere turn to."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import ray
from ray.exceptions import RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.run.events import RunInfo
from trainables.trial.actor import Home
from trainables.trial.task import HomeAddress

CALLS_AT_ONCE = 100_000
"""Every process that trains waits in one call of the actor."""
LOOK_S = 3.0
"""Between two looks at the actor. One that was dead at the first of two is started again at the second: if Ray itself
died with it, that is known by then."""


class AtHome:
    """Tells processes everywhere what concerns them; nothing here waits for an answer.

    The actor is a process like any other, and may be killed. Then `revive` starts another one, under another name: the
    processes that waited for the first take its death for the end of their trials, save them where they can, and are
    handed them again with the new name.
    """

    def __init__(self, run: RunInfo, environment: Mapping[str, str]) -> None:
        self._run, self._environment = run, environment
        self._node = ray.get_runtime_context().get_node_id()
        self._left: set[str] = set()
        self._stopped = False
        self._looked_at = time.monotonic()
        self._start()

    def _start(self) -> None:
        # The actor before this one, or that of the search, may not be gone yet.
        self.address = HomeAddress(actor=f"tunehound-{self._run.id}-{secrets.token_hex(4)}", node=self._node)
        here = NodeAffinitySchedulingStrategy(self._node, soft=False)
        options = {"num_cpus": 0, "max_concurrency": CALLS_AT_ONCE, "scheduling_strategy": here}
        self._actor = ray.remote(Home).options(name=self.address.actor, **options).remote(self._environment)
        self._seen_dead = False
        self._pulse = self._actor.told_to_stop.remote("")
        """Comes back when the run is told to stop, or when the actor has died."""

    def stop(self) -> None:
        """All processes of the run save their trials and stop."""
        self._stopped = True
        self._actor.stop.remote()

    def leave(self, node: str) -> None:
        """Those on a node that is going away do."""
        if node not in self._left:
            self._left.add(node)
            self._actor.leave.remote(node)

    def hand_out(self, folder: Path, attempt: int) -> None:
        """Whoever had the trial before is not heard any more."""
        self._actor.hand_out.remote(str(folder), attempt)

    def revive(self) -> bool:
        """Starts the actor again if it has died, and tells it what the first one knew; whether that was so.

        To be called often.
        """
        if time.monotonic() - self._looked_at < LOOK_S:
            return False
        self._looked_at = time.monotonic()
        if not self._died():
            return False
        if not self._seen_dead:
            self._seen_dead = True
            return False
        self._start()
        for node in self._left:
            self._actor.leave.remote(node)
        if self._stopped:
            self._actor.stop.remote()
        return True

    def close(self) -> None:
        """Ends the actor."""
        ray.kill(self._actor)

    def _died(self) -> bool:
        if not ray.wait([self._pulse], timeout=0)[0]:
            return False
        try:
            ray.get(self._pulse)
        except RayActorError:
            return True
        return False


@contextmanager
def at_home(run: RunInfo, environment: Mapping[str, str]) -> Iterator[AtHome]:
    """A home for the run while it is driven, on this machine; ``environment`` is what trials' processes ask it for."""
    home = AtHome(run, environment)
    try:
        yield home
    finally:
        home.close()
