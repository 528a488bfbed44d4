"""One driver per run: a lock that is released when its process ends, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from search.run.links import check_links
from spaces.problem import InputError, Problem


class RunLockedError(InputError):
    """Another process on this machine drives the run."""


@contextmanager
def run_lock(directory: Path) -> Iterator[None]:
    """Lock the run in ``directory`` for this process.

    Raises:
        RunLockedError: another process holds it.
        InputError: a link in it leads out of it.
    """
    check_links(directory)
    lock = FileLock(directory / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        remedy = "wait for it or stop it; `tunehound leaderboard` shows the run meanwhile"
        problem = Problem(rule="only one process can drive a run, and another one is driving this run", remedy=remedy)
        raise RunLockedError([problem], str(directory)) from error
    try:
        # Whoever left this one behind also held the run's lock, and has ended.
        (directory / "study.journal.lock").unlink(missing_ok=True)
        yield
    finally:
        lock.release()
