"""One driver a run: a lock that dies with the process that holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from search.run.links import refuse_links
from spaces.problem import InputError, Problem


class BeingDrivenError(InputError):
    """Another process of this machine drives the run."""


@contextmanager
def driving(directory: Path) -> Iterator[None]:
    """Holds the run in ``directory`` for this process.

    Raises:
        BeingDrivenError: another process holds it.
        InputError: a link in it leads elsewhere.
    """
    refuse_links(directory)
    lock = FileLock(directory / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        remedy = "wait for it, or stop it; to look at the run meanwhile use `tunehound leaderboard`"
        problem = Problem(rule="one process drives a run, and another one is driving this run now", remedy=remedy)
        raise BeingDrivenError([problem], str(directory)) from error
    try:
        # Whoever left this one behind held the run's lock too, and is dead.
        (directory / "study.journal.lock").unlink(missing_ok=True)
        yield
    finally:
        lock.release()
