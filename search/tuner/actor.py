"""The driver's handle to the actor of a run, which its training processes turn to from every machine."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import ray
from ray.exceptions import RayActorError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from search.run.reader import Run
from trainables.trial.actor import DriverActor
from trainables.trial.task import ActorAddress

MAX_CONCURRENCY = 100_000
"""Every training process waits in a call of the actor."""
CHECK_S = 3.0
"""Seconds between two checks of the actor. One that is dead at two checks in a row is restarted at the second: if Ray
itself died with it, that is known by then."""


class ActorHandle:
    """Sends messages to the actor of a run without waiting for answers.

    The actor is a process like any other and may be killed. `revive` then starts another one, under another name: the
    processes that waited for the first one take its death for the end of their trials, save them if they can, and are
    assigned them again with the new name.
    """

    def __init__(self, run: Run, environment: Mapping[str, str]) -> None:
        self._run, self._environment = run, environment
        self._node = ray.get_runtime_context().get_node_id()
        self._stopped_nodes: set[str] = set()
        self._stopped = False
        self._checked_at = time.monotonic()
        self._start()

    def _start(self) -> None:
        # The name is new each time: the actor before this one may still exist.
        self.address = ActorAddress(actor=f"tunehound-{self._run.id}-{secrets.token_hex(4)}", node=self._node)
        here = NodeAffinitySchedulingStrategy(self._node, soft=False)
        options = {"num_cpus": 0, "max_concurrency": MAX_CONCURRENCY, "scheduling_strategy": here}
        self._actor = ray.remote(DriverActor).options(name=self.address.actor, **options).remote(self._environment)
        self._seen_dead = False
        self._pulse = self._actor.wait_for_stop.remote("")
        """Ready when the run is stopped or the actor has died."""

    def stop(self) -> None:
        """Make all processes of the run save their trials and stop."""
        self._stopped = True
        self._actor.stop.remote()

    def stop_node(self, node: str) -> None:
        """Make the processes on a node that is going away do so."""
        if node not in self._stopped_nodes:
            self._stopped_nodes.add(node)
            self._actor.stop_node.remote(node)

    def assign(self, folder: Path, attempt: int) -> None:
        """Assign a trial to a process; checkpoints from earlier attempts are ignored from now on."""
        self._actor.assign.remote(str(folder), attempt)

    def revive(self) -> bool:
        """Restart the actor if it has died, in the state of the first one, and return whether it had. Call it often."""
        if time.monotonic() - self._checked_at < CHECK_S:
            return False
        self._checked_at = time.monotonic()
        if not self._is_dead():
            return False
        if not self._seen_dead:
            self._seen_dead = True
            return False
        self._start()
        for node in self._stopped_nodes:
            self._actor.stop_node.remote(node)
        if self._stopped:
            self._actor.stop.remote()
        return True

    def close(self) -> None:
        """End the actor."""
        ray.kill(self._actor)

    def _is_dead(self) -> bool:
        if not ray.wait([self._pulse], timeout=0)[0]:
            return False
        try:
            ray.get(self._pulse)
        except RayActorError:
            return True
        return False


@contextmanager
def start_actor(run: Run, environment: Mapping[str, str]) -> Iterator[ActorHandle]:
    """Start the actor of a run on this machine and end it on exit.

    Args:
        run: that is being driven.
        environment: variables that the processes of trials ask the actor for.
    """
    actor = ActorHandle(run, environment)
    try:
        yield actor
    finally:
        actor.close()
