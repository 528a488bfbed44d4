"""The actor on the driver's machine that serves a run's training processes, wherever they are."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.training import checkpoint

if TYPE_CHECKING:
    from trainables.training.checkpoint import Snapshot


class SupersededError(Exception):
    """The trial was assigned to another process in the meantime; this one's checkpoints are no longer accepted."""


class DriverActor:
    """A Ray actor that provides the run's stop signal, the environment for its trials and, to processes on other
    machines, its checkpoints.

    Checkpoints travel by value, as arrays in Ray's object store: no shared file system, keys or cloud storage are
    needed, and they are as well protected as the rest of Ray's traffic.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(environment or {})
        self._stop = asyncio.Event()
        self._stop_node: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        """By node: set when its processes must stop because the node is going away."""
        self._attempts: dict[str, int] = {}
        """By trial folder: the latest attempt."""

    async def environment(self) -> dict[str, str]:
        """Return the variables that the sweep names. Workers ask for them since Ray logs what a worker starts with."""
        return self._environment

    async def wait_for_stop(self, node: str) -> None:
        """Return when the processes of a node must stop."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._stop, self._stop_node[node])]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self) -> None:
        """Stop every process, including those that start later."""
        self._stop.set()

    async def stop_node(self, node: str) -> None:
        """Stop the processes of one node, including those that start later."""
        self._stop_node[node].set()

    async def assign(self, folder: str, attempt: int) -> None:
        """Accept the trial's checkpoint from this attempt only, from now on."""
        self._attempts[folder] = attempt

    async def read_checkpoint(self, folder: str) -> Snapshot | None:
        """Return the newest intact checkpoint of the trial in ``folder``; None if there is none."""
        return await asyncio.to_thread(checkpoint.read, Path(folder) / "checkpoint")

    async def write_checkpoint(self, folder: str, attempt: int, snapshot: Snapshot) -> None:
        """Replace the trial's checkpoint.

        Raises:
            SupersededError: the trial was assigned to another process since.
            OSError: the disk is full or failing.
        """
        if attempt < self._attempts.get(folder, 0):
            raise SupersededError
        await asyncio.to_thread(checkpoint.write, snapshot, Path(folder) / "checkpoint")
