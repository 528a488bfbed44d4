"""The Ray that a sweep uses, and the folder for what Ray wants to write."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import ray

logger = logging.getLogger(__name__)

SCRATCH = "tunehound-scratch-"


@contextmanager
def connected() -> Iterator[bool]:
    """Ray: the one this process uses already, else the cluster that it is in, else one of its own for the time being.

    Yields whether it is a cluster, which may grow.
    """
    if ray.is_initialized():
        yield True
        return
    # Not address="auto": that also takes hold of the Ray that somebody else's sweep started for itself.
    # Ray lets every process find modules in the folder in which it was started, before all others; that folder may be
    # a stranger's, with a keras.py of theirs beside the sweep.
    with contextlib.chdir("/"):
        context = ray.init(include_dashboard=False, log_to_driver=False, logging_level="WARNING")
    session = context.address_info["session_dir"]
    logger.warning("Ray's own logs, those of the trials' processes among them: %s/logs", session)
    try:
        # Ray names a session after the process that started it.
        yield not session.endswith(f"_{os.getpid()}")
    finally:
        ray.shutdown()


@contextmanager
def scratch() -> Iterator[str]:
    """A folder for Ray's files about an experiment, which nobody needs later; those of killed drivers go with it."""
    for left in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        owner = left.name.removeprefix(SCRATCH).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-") as folder:
        yield folder
