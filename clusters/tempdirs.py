"""Temporary folders, removed with the process that made them, or by the next one if it was killed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PREFIX = "tunehound-scratch-"
"""The start of the folders' names; the id of the process that made them follows."""


@contextmanager
def temporary_folder() -> Iterator[str]:
    """Provide an empty folder, and remove those of killed processes."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = left.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not _is_running(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield folder


def _is_running(process: int) -> bool:
    import psutil  # every command passes here, and few find a folder

    return bool(psutil.pid_exists(process))


@contextmanager
def redirect_temporary_files() -> Iterator[None]:
    """Put the temporary files of this process, and of all processes that it starts, into a temporary folder.

    W&B and TensorFlow remove theirs when a process ends, but not when it is killed. Ray's own stay where they are,
    because their logs are useful after a failure.
    """
    ray_tmpdir = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    with temporary_folder() as folder, environment({"RAY_TMPDIR": ray_tmpdir, "TMPDIR": folder}):
        usual, tempfile.tempdir = tempfile.tempdir, folder
        try:
            yield
        finally:
            tempfile.tempdir = usual


@contextmanager
def environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Set variables inside the block, for this process and those that it starts; None removes one."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
