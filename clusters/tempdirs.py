"""Folders for what nobody needs later. They go with the process that made them, or with the next one after a kill."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
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

    W&B and TensorFlow remove theirs when a process ends, not when it is killed. Ray's own folder, whose logs are worth
    something after a failure, stays where it was.
    """
    before = {name: os.environ.get(name) for name in ("TMPDIR", "RAY_TMPDIR")}
    with scratch() as folder:
        os.environ |= {"RAY_TMPDIR": before["RAY_TMPDIR"] or tempfile.gettempdir(), "TMPDIR": folder}
        usual, tempfile.tempdir = tempfile.tempdir, folder
        try:
            yield
        finally:
            tempfile.tempdir = usual
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
