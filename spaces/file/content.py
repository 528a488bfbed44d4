"""The bytes of a file, read with care: it may be a pipe that never ends, a device, a circle of links, or huge."""

from __future__ import annotations

import errno
import os
import pathlib
import stat

from spaces.problem import InputError, Problem

MOST_BYTES = 4_000_000
"""A YAML file of more bytes is not read; a sweep has some thousand."""


def content_of(path: str | os.PathLike[str], *, most_bytes: int = MOST_BYTES, start: int = 0) -> bytes:
    """Return the content of a file, from the byte ``start`` on.

    Raises:
        InputError: there is no such file, it is no regular one, it has more than ``most_bytes``, or may not be read.
    """
    file = pathlib.Path(path)
    try:
        status = file.stat()
        problem = _unfit(status, most_bytes)
        if problem is None:
            with file.open("rb") as opened:
                opened.seek(start)
                return opened.read()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        problem = _unreadable(file, error)
    raise InputError([problem], os.fspath(path))


def _unfit(status: os.stat_result, most_bytes: int) -> Problem | None:
    if stat.S_ISDIR(status.st_mode):
        return Problem(rule="this is a folder, not a file", remedy="name a file in it, or restore the file")
    if not stat.S_ISREG(status.st_mode):
        return Problem(rule="this is a pipe or a device, not a file", remedy="put a file in its place")
    if status.st_size > most_bytes:
        given = f"{status.st_size:,} bytes"
        rule = f"such a file has {most_bytes:,} bytes at most"
        return Problem(rule=rule, given=given, remedy="check that it is the right file, or make it smaller")
    return None


def _unreadable(file: pathlib.Path, error: Exception) -> Problem:
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOENT, errno.ENOTDIR):
        remedy = f"check the name (looked for {file.absolute()})"
        return Problem(rule="there is no such file", remedy=remedy)
    if number == errno.ELOOP:
        return Problem(rule="this is a link that leads to itself", remedy="put the file in its place")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return Problem(rule="the file cannot be read", given=reason, remedy="check its name and its permissions")
