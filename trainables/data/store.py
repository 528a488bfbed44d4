"""The store of decoded data, one a machine and user: who builds, who waits, how large it may grow.

A folder of entries, each named by its key. An entry is built in a folder beside its place, under a lock that a dead
process does not hold, and renamed at once; what a dead builder left is removed by the next one. The least recently
used entries make room for new ones. One that a living process uses is left alone: that process holds a shared lock on
the entry. Should one be removed all the same (by hand, say), its mapped pages stay readable until they are let go of:
POSIX keeps the data of an open file.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from spaces.cache import cache_home
from spaces.problem import InputError, Problem
from trainables.data.entry import GONE, META, Entry, Shape, Shortage, evict, is_used, open_entry
from trainables.data.entry_writer import Draft

LIMIT = "TUNEHOUND_CACHE_GB"
"""The environment variable that limits the store, in gigabytes of 10⁹ bytes; half of the free disk if it is not set."""
SPARE_BYTES = 50_000_000
"""Of the disk, left free."""
DRAFT = ".draft-"
"""How the folder of a draft begins; key and a random part follow."""
QUIET_WAIT_S = 3.0
"""A process that waits for longer says so."""

logger = logging.getLogger(__name__)


class UnusableError(Exception):
    """The store cannot be written to, here and now."""


def root() -> Path:
    """The folder of the store."""
    return cache_home() / "data"


def find(key: str) -> Entry | None:
    """The entry of that key; None where there is none, or a damaged one."""
    return open_entry(root() / key)


@contextmanager
def building(key: str, called: str) -> Iterator[None]:
    """Holds the right to build the entry of that key; waits while another process has it.

    Raises:
        UnusableError: the store cannot be written to.
    """
    lock = lock_of(key)
    try:
        root().mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=QUIET_WAIT_S)
        except Timeout:
            logger.info("Waiting for another process that is decoding %s", called)
            lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise UnusableError(str(error)) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def drafting(key: str, shapes: Mapping[str, Shape]) -> Iterator[Draft]:
    """A new draft of that entry, room made for it; what is not published is removed. The right to build must be held.

    Raises:
        UnusableError: the store cannot be written to.
    """
    with making_room(key, decoded_bytes(shapes)) as (folder, shortage):
        draft = Draft(folder, shapes, shortage)
    try:
        yield draft
    finally:
        draft.discard()


@contextmanager
def making_room(key: str, needed: int) -> Iterator[tuple[Path, Shortage | None]]:
    """Yields a folder, not made yet, for a draft of that entry, and why there is no room for so many bytes, if so.

    The draft must take all of its room at once, here: one is made at a time. The right to build must be held.

    Raises:
        UnusableError: the store cannot be written to.
    """
    try:
        with lock_of("room"):
            remove_leftovers(key)
            shortage, leaving = plan(needed)
            for folder in leaving:
                evict(folder)
            yield root() / f"{DRAFT}{key}-{secrets.token_hex(4)}", shortage
    except (OSError, NotImplementedError) as error:
        raise UnusableError(str(error)) from error


def lock_of(key: str) -> FileLock:
    """The lock of an entry's builder: it is gone when its process is."""
    return FileLock(root() / f"{key}.lock")


def decoded_bytes(shapes: Mapping[str, Shape]) -> int:
    """What pixels of these shapes take."""
    return sum(math.prod(shape) for shape in shapes.values())


def plan(needed: int) -> tuple[Shortage | None, list[Path]]:
    """Why there is no room for so many bytes, or None and the entries that must go, the least recently used first."""
    held = {folder: size_of(folder) for folder in root().iterdir() if folder.is_dir()}
    free, total = shutil.disk_usage(root()).free, sum(held.values())
    limit, leaving = limit_bytes(free + total), []
    entries = sorted((folder for folder in held if not folder.name.startswith(".")), key=last_used)
    for folder in entries:
        if total + needed <= limit and needed + SPARE_BYTES <= free:
            break
        if not is_used(folder):
            total, free = total - held[folder], free + held[folder]
            leaving.append(folder)
    if total + needed > limit:
        return "limit", []
    return (None, leaving) if needed + SPARE_BYTES <= free else ("disk", [])


def limit_bytes(disk_bytes: int) -> int:
    """How much the store may hold; ``disk_bytes`` is what the disk has free, with what the store holds already.

    Raises:
        InputError: the environment variable is no such number.
    """
    told = os.environ.get(LIMIT)
    if not told:
        return disk_bytes // 2
    try:
        gigabytes = float(told)
        if not 0 <= gigabytes < math.inf:
            raise ValueError(told)
        return int(gigabytes * 1e9)
    except ValueError as error:
        rule, remedy = f"{LIMIT} is a number of gigabytes, 0 or more", "mend the environment variable, or unset it"
        raise InputError([Problem(rule=rule, given=told, remedy=remedy)], LIMIT) from error


def remove_leftovers(key: str) -> None:
    """Removes what dead builders and removers left; the right to build ``key`` must be held."""
    for folder in root().glob(f"{GONE}*"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in root().glob(f"{DRAFT}*"):
        other = folder.name.removeprefix(DRAFT).split("-")[0]
        if other == key:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        with contextlib.suppress(Timeout), lock_of(other).acquire(timeout=0):
            shutil.rmtree(folder, ignore_errors=True)


def size_of(folder: Path) -> int:
    """What the files of a folder take, in bytes; what vanishes meanwhile counts as nothing."""
    with contextlib.suppress(OSError):
        return sum(path.stat().st_size for path in folder.iterdir())
    return 0


def last_used(folder: Path) -> float:
    """When an entry was last opened."""
    with contextlib.suppress(OSError):
        return (folder / META).stat().st_mtime
    return 0.0
