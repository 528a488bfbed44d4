"""What a run keeps on its driver's machine for the processes that train for it, wherever they are."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.training import checkpoint

if TYPE_CHECKING:
    from trainables.training.checkpoint import Snapshot


class GivenUpError(Exception):
    """The trial was handed out to another process meanwhile; what this one has is not wanted any more."""


class Home:
    """A Ray actor: the run's stop signal, the environment that its trials are given and, for processes on other
    machines, its checkpoints.

    Checkpoints travel by value, as arrays in Ray's object store: that needs neither a shared file system nor keys nor
    an object storage, and is protected as the rest of Ray's traffic is.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(environment or {})
        self._stop = asyncio.Event()
        self._leave: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        """By node: set where its processes are to stop because it is going away."""
        self._attempts: dict[str, int] = {}
        """By trial's folder: the attempt that it was last handed out for."""

    async def environment(self) -> dict[str, str]:
        """The variables that the sweep names. Asked for, because Ray writes down what it is told of a worker."""
        return self._environment

    async def told_to_stop(self, node: str) -> None:
        """Returns when the processes of a node are to stop."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._stop, self._leave[node])]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self) -> None:
        """Stops everyone, now and later."""
        self._stop.set()

    async def leave(self, node: str) -> None:
        """Stops the processes of one node, now and later."""
        self._leave[node].set()

    async def hand_out(self, folder: str, attempt: int) -> None:
        """From now on only this attempt may write the trial's checkpoint."""
        self._attempts[folder] = attempt

    async def read_checkpoint(self, folder: str) -> Snapshot | None:
        """The newest checkpoint of the trial in ``folder`` that is whole; None where there is none."""
        return await asyncio.to_thread(checkpoint.read, Path(folder) / "checkpoint")

    async def write_checkpoint(self, folder: str, attempt: int, snapshot: Snapshot) -> None:
        """Replaces the trial's checkpoint.

        Raises:
            GivenUpError: the trial was handed out anew since.
            OSError: the disk is full, or fails.
        """
        if attempt < self._attempts.get(folder, 0):
            raise GivenUpError
        await asyncio.to_thread(checkpoint.write, snapshot, Path(folder) / "checkpoint")
