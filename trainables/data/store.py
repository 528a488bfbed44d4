"""The store of decoded data, one per machine and user: who builds, who waits, how large it may grow.

A folder of entries, each named by its key. An entry is built in a temporary folder, under a lock that dies with its
process, and then renamed; what a dead builder left is removed by the next one. The least recently used entries make
space for new ones, except those in use: a process that uses an entry holds a shared lock on it. If an entry is removed
nevertheless (by hand, say), its mapped pages stay readable until they are released, because POSIX keeps the data of an
open file.
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
from trainables.data.entry import GONE, META, DataEntry, Shape, Shortage, evict, is_used, open_entry
from trainables.data.entry_writer import EntryWriter

LIMIT = "TUNEHOUND_CACHE_GB"
"""The environment variable that limits the store, in gigabytes of 10⁹ bytes; by default, half of the free disk."""
RESERVED_BYTES = 50_000_000
"""Disk space to leave free."""
DRAFT = ".draft-"
"""The start of the name of a temporary folder; key and a random part follow."""
QUIET_WAIT_S = 3.0
"""A process that waits longer than this logs it."""

logger = logging.getLogger(__name__)


class UnusableError(Exception):
    """The store cannot be written to at present."""


def root() -> Path:
    """Return the folder of the store."""
    return cache_home() / "data"


def find(key: str) -> DataEntry | None:
    """Return the entry with this key; None if there is none, or it is damaged."""
    return open_entry(root() / key)


@contextmanager
def build_lock(key: str, name: str) -> Iterator[None]:
    """Hold the right to build the entry with this key; wait while another process holds it.

    Raises:
        UnusableError: the store cannot be written to.
    """
    lock = lock_of(key)
    try:
        root().mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=QUIET_WAIT_S)
        except Timeout:
            logger.info("Waiting for another process that is decoding %s", name)
            lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise UnusableError(str(error)) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def write_entry(key: str, shapes: Mapping[str, Shape]) -> Iterator[EntryWriter]:
    """Provide a writer for that entry and make space for it; what is not published is removed. Needs `build_lock`.

    Raises:
        UnusableError: the store cannot be written to.
    """
    with reserve_space(key, decoded_bytes(shapes)) as (folder, shortage):
        draft = EntryWriter(folder, shapes, shortage)
    try:
        yield draft
    finally:
        draft.discard()


@contextmanager
def reserve_space(key: str, needed: int) -> Iterator[tuple[Path, Shortage | None]]:
    """Yield a temporary folder, not created yet, for that entry, and why there is no space for so many bytes, if so.

    All of the space must be allocated inside the block, which only one process enters at a time. Needs `build_lock`.

    Raises:
        UnusableError: the store cannot be written to.
    """
    try:
        with lock_of("room"):
            remove_leftovers(key)
            shortage, evicted = plan_eviction(needed)
            for folder in evicted:
                evict(folder)
            yield root() / f"{DRAFT}{key}-{secrets.token_hex(4)}", shortage
    except (OSError, NotImplementedError) as error:
        raise UnusableError(str(error)) from error


def lock_of(key: str) -> FileLock:
    """Return the lock of an entry's builder, which ends with its process."""
    return FileLock(root() / f"{key}.lock")


def decoded_bytes(shapes: Mapping[str, Shape]) -> int:
    """Return the size of pixels of these shapes."""
    return sum(math.prod(shape) for shape in shapes.values())


def plan_eviction(needed: int) -> tuple[Shortage | None, list[Path]]:
    """Return why there is no space for so many bytes, or None and the entries to evict, least recently used first."""
    held = {folder: size_of(folder) for folder in root().iterdir() if folder.is_dir()}
    free, total = shutil.disk_usage(root()).free, sum(held.values())
    limit, evicted = limit_bytes(free + total), []
    entries = sorted((folder for folder in held if not folder.name.startswith(".")), key=last_used)
    for folder in entries:
        if total + needed <= limit and needed + RESERVED_BYTES <= free:
            break
        if not is_used(folder):
            total, free = total - held[folder], free + held[folder]
            evicted.append(folder)
    if total + needed > limit:
        return "limit", []
    return (None, evicted) if needed + RESERVED_BYTES <= free else ("disk", [])


def shortage_for(needed: int) -> Shortage | None:
    """Return why there is no space for so many bytes; None if there is, or the store cannot be used at all."""
    try:
        root().mkdir(parents=True, exist_ok=True)
        return plan_eviction(needed)[0]
    except OSError:
        return None


def limit_bytes(disk_bytes: int) -> int:
    """Return how much the store may hold; ``disk_bytes`` is the free space plus what the store holds already.

    Raises:
        InputError: the environment variable is not such a number.
    """
    text = os.environ.get(LIMIT)
    if not text:
        return disk_bytes // 2
    try:
        gigabytes = float(text)
        if not 0 <= gigabytes < math.inf:
            raise ValueError(text)
        return int(gigabytes * 1e9)
    except ValueError as error:
        rule, remedy = (
            f"{LIMIT} must be a number of gigabytes, 0 or more",
            "correct the environment variable, or unset it",
        )
        raise InputError([Problem(rule=rule, given=text, remedy=remedy)], LIMIT) from error


def remove_leftovers(key: str) -> None:
    """Remove what dead processes left; the right to build ``key`` must be held."""
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
    """Return the size of the files in a folder, in bytes; files that vanish meanwhile count as nothing."""
    with contextlib.suppress(OSError):
        return sum(path.stat().st_size for path in folder.iterdir())
    return 0


def last_used(folder: Path) -> float:
    """Return when an entry was last opened."""
    with contextlib.suppress(OSError):
        return (folder / META).stat().st_mtime
    return 0.0
