"""The Ray that a sweep uses."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import ray

from clusters.connection.address import ClusterChoice, choose_cluster
from clusters.connection.environment import withheld
from clusters.connection.local_ray import close_to_others, local_ray
from clusters.connection.ray_internals import look_for_token

logger = logging.getLogger(__name__)


@contextmanager
def connected(cluster: ClusterChoice | None = None, *, secret: Collection[str] = ()) -> Iterator[bool]:
    """Ray: the one this process uses already, else the cluster that was chosen, else one of its own for the time being.

    Yields whether it is a cluster, which may grow. The environment variables ``secret`` reach no process of Ray.
    """
    with withheld(secret), _connected(cluster) as may_grow:
        yield may_grow


@contextmanager
def _connected(cluster: ClusterChoice | None) -> Iterator[bool]:
    if ray.is_initialized():
        yield True
        return
    cluster = cluster or choose_cluster()
    with contextlib.ExitStack() as stack:
        if cluster.address:
            context = join(cluster, logging_level="WARNING")
        else:
            settings = stack.enter_context(local_ray())
            context = _init(include_dashboard=False, logging_level="WARNING", **settings)
            close_to_others(context.address_info["session_dir"])
        stack.callback(ray.shutdown)
        logs = f"{context.address_info['session_dir']}/logs"
        logger.warning("Ray's own logs, those of the trials' processes among them: %s", logs)
        yield bool(cluster.address)


def join(cluster: ClusterChoice, **settings: Any) -> Any:
    """Connects to the cluster that was chosen; Ray itself does not choose again, and would take another's."""
    if cluster.found:
        look_for_token()
    return _init(address=cluster.address, **settings)


def _init(**settings: Any) -> Any:
    # Ray lets every process find modules in the folder in which it was started, before all others; that folder may be
    # a stranger's, with a keras.py of theirs beside the sweep.
    with contextlib.chdir("/"):
        return ray.init(log_to_driver=False, **settings)
