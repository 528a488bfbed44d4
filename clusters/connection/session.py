"""The Ray that a sweep uses."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import ray

from clusters.connection.address import ClusterChoice, choose_cluster
from clusters.connection.local_ray import close_to_others, local_ray
from clusters.ray_internals import use_token_if_present, withheld
from clusters.slots import Node

logger = logging.getLogger(__name__)


@contextmanager
def connect(cluster: ClusterChoice | None = None, *, here: Node, secret: Collection[str] = ()) -> Iterator[bool]:
    """Connect to the Ray of this process, else to the chosen cluster, else to a local Ray for the length of the block.

    Yields whether it is a cluster, which may grow. A local Ray offers the resources of ``here``. No process of Ray
    receives the environment variables ``secret``.
    """
    with withheld(secret), _connect(cluster, here) as may_grow:
        yield may_grow


@contextmanager
def _connect(cluster: ClusterChoice | None, here: Node) -> Iterator[bool]:
    if ray.is_initialized():
        yield True
        return
    cluster = cluster or choose_cluster()
    with contextlib.ExitStack() as stack:
        if cluster.address:
            context = join(cluster, logging_level="WARNING")
        else:
            settings = stack.enter_context(local_ray(cpus=int(here.cpus), memory_bytes=int(here.memory_bytes)))
            context = _init(include_dashboard=False, logging_level="WARNING", **settings)
            close_to_others(context.address_info["session_dir"])
        stack.callback(ray.shutdown)
        logs = f"{context.address_info['session_dir']}/logs"
        logger.warning("Ray's own logs, including those of the trials' processes: %s", logs)
        yield bool(cluster.address)


def join(cluster: ClusterChoice, **settings: Any) -> Any:
    """Connect to the chosen cluster. Ray must not choose again: it might join another user's."""
    if cluster.found:
        use_token_if_present()
    return _init(address=cluster.address, **settings)


def _init(**settings: Any) -> Any:
    # Ray puts the current folder first on every process's module path; that folder may be someone else's and have a
    # keras.py next to the sweep.
    with contextlib.chdir("/"):
        return ray.init(log_to_driver=False, **settings)
