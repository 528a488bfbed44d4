"""Room on the disks that a sweep writes to: its folder for runs, the cache, temporary files."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clusters.tempdirs import redirect_temporary_files
from search.console.terminal import StdoutError, abandon_stdout
from spaces.cache import cache_home, keep_cache
from spaces.problem import InputError, Problem

MIN_FREE_BYTES = 20_000_000
"""A sweep of small images writes about as much: journal, logs, a checkpoint."""
ROOM = f"a sweep needs {MIN_FREE_BYTES / 1e6:.0f} MB of free space here"
FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system reports if a disk, or a user's share of it, is full."""


def check_disks(runs: Path) -> None:
    """Check that a sweep can write where it will write on this machine.

    Raises:
        InputError: the folder for runs cannot be written to, or one of the disks is full.
    """
    folder = _existing(runs)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        rule, remedy = "the folder for runs must be one that you can write to", "choose another one: --runs DIR"
        raise InputError([Problem(rule=rule, given=f"{folder}, which is not", remedy=remedy)], str(runs))
    places = {runs: "--runs DIR", cache_home(): "TUNEHOUND_CACHE=DIR", Path(tempfile.gettempdir()): "TMPDIR=DIR"}
    for place, option in places.items():
        if not _has_room(_existing(place)):
            remedy = f"make room, or choose another folder: {option}"
            raise InputError([Problem(rule=ROOM, given=describe_disk(place), remedy=remedy)], str(place))


def describe_full_disk(error: OSError, *, directory: Path) -> str:
    """Name the disk that was full when something was written: of the error's file, else the fullest that a sweep uses.

    Args:
        error: what was raised.
        directory: of the run.
    """
    named = [Path(os.fsdecode(error.filename))] if error.filename else []
    known = [directory, cache_home(), Path(tempfile.gettempdir()), Path("/dev/shm")]  # noqa: S108
    places = [place for place in named or known if _existing(place).is_dir() or _existing(place).is_file()]
    return f"{describe_disk(min(places, key=free_bytes, default=directory))}. Make room there first."


def describe_disk(place: Path) -> str:
    """Describe the disk of a file or folder: ``the disk at /tmp, with /tmp/x, is full (0.1 MB free)``."""
    existing = _existing(place)
    mount = next(each for each in (existing, *existing.parents) if each.is_mount())
    full = "is full" if free_bytes(place) < MIN_FREE_BYTES else "or your share of it is full"
    return f"the disk at {mount}, with {place}, {full} ({free_bytes(place) / 1e6:.1f} MB free)"


def describe_failure(error: Exception) -> str:
    """Return the message for a command that failed, which names the disk if one was full."""
    if isinstance(error, StdoutError):
        abandon_stdout()
    if not isinstance(error, OSError) or error.errno not in FULL:
        return str(error)
    return f"The work stopped: {describe_full_disk(error, directory=Path())}"


@contextmanager
def temporary_files() -> Iterator[None]:
    """Keep temporary files in a folder of this process, which is removed at the end; the cache stays outside.

    Raises:
        InputError: there is no place for it.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        rule, remedy = "a folder for temporary files must be writable", "set TMPDIR to one that is"
        raise InputError([Problem(rule=rule, given=str(error.strerror), remedy=remedy)], "TMPDIR") from error
    keep_cache()
    with redirect_temporary_files():
        yield


def free_bytes(place: Path) -> int:
    """Return the free space on the disk of a file or folder, which may not exist yet."""
    return shutil.disk_usage(_existing(place)).free


def _has_room(folder: Path) -> bool:
    status = os.statvfs(folder)
    has_files_left = status.f_favail > 0 or status.f_files == 0  # some file systems do not count them
    return status.f_bavail * status.f_frsize >= MIN_FREE_BYTES and has_files_left


def _existing(place: Path) -> Path:
    """Return the nearest part of a path that exists."""
    absolute = place.absolute()
    return next(each for each in (absolute, *absolute.parents) if os.path.lexists(each))
