"""Folders for what nobody needs later. They go with the process that made them, or with the next one after a kill."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

SCRATCH = "tunehound-scratch-"
"""How the folders' names begin; the number of the process that made them follows."""


@contextmanager
def scratch() -> Iterator[str]:
    """An empty folder; those of killed processes are removed, too."""
    for left in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        owner = left.name.removeprefix(SCRATCH).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    prefix = f"{SCRATCH}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder:
        yield folder


@contextmanager
def temporary_files() -> Iterator[None]:
    """Puts the temporary files of this process, and of all that it starts, into a scratch folder.

    W&B and TensorFlow remove theirs when a process ends, not when it is killed. Ray's own, whose logs are worth
    something after a failure, stay where they were.
    """
    rays = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    with scratch() as folder, environment({"RAY_TMPDIR": rays, "TMPDIR": folder}):
        usual, tempfile.tempdir = tempfile.tempdir, folder
        try:
            yield
        finally:
            tempfile.tempdir = usual


@contextmanager
def environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """Sets variables for the time being, for this process and those that it starts; None takes one away."""
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
