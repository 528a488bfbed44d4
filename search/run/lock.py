"""One driver per run: a lock that is released when its process ends, however it ends.

A run directory may come from a stranger: whatever is written to a link in it ends up where that leads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from spaces.problem import InputError, Problem

W_AND_B_LOG = "wandb/*/logs/debug-core.log"
"""W&B's own link to its log in the user's cache; nothing is written through it."""


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
    if os.path.lexists(lock.lock_file) and not Path(lock.lock_file).is_file():  # opening a pipe would wait for ever
        problem = Problem(rule="this is no file, but a run is locked with it", remedy="remove it")
        raise InputError([problem], lock.lock_file)
    try:
        lock.acquire(timeout=0)
    except PermissionError as error:
        remedy = "change its permissions, or copy the run to a folder of your own"
        problem = Problem(rule="the folder of a run must be writable to drive it", given=str(error), remedy=remedy)
        raise InputError([problem], str(directory)) from error
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


def check_links(directory: Path) -> None:
    """Check that no link leads out of a run directory, which may be a link itself.

    Raises:
        InputError: links lead out of it; each is named.
    """
    home = directory.resolve()
    rule = "a run's files must lie in its own folder, so that nothing is written outside it"
    remedy = "replace the link by the file or folder itself; only the run's folder as a whole may be a link"
    problems = [
        Problem(rule=rule, given=f"{link.relative_to(home)} → {link.readlink()}", remedy=remedy)
        for link in _links(home)
        if not Path(os.path.realpath(link)).is_relative_to(home)  # which ends at a circle; `resolve` raises
        and not link.relative_to(home).match(W_AND_B_LOG)
    ]
    if problems:
        raise InputError(problems, str(directory))


def _links(home: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(home):  # which does not follow them
        yield from (path for name in sorted([*folders, *files]) if (path := Path(folder, name)).is_symlink())
