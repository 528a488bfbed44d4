"""The Ray that a sweep uses."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import ray

from clusters.environment import withheld

logger = logging.getLogger(__name__)


@contextmanager
def connected(*, secret: Collection[str] = ()) -> Iterator[bool]:
    """Ray: the one this process uses already, else the cluster that it is in, else one of its own for the time being.

    Yields whether it is a cluster, which may grow. The environment variables ``secret`` reach no process of Ray.
    """
    with withheld(secret), _connected() as may_grow:
        yield may_grow


@contextmanager
def _connected() -> Iterator[bool]:
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
