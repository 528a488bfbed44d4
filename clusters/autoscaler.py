"""The nodes that an autoscaler may start in addition to the living ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from clusters.membership import as_node
from clusters.slots import Node

BOOTSTRAP_CONFIG = Path("~/ray_bootstrap_config.yaml")
"""What `ray up` leaves on the head: the cluster file, with the resources of each node type filled in."""
KUBERAY = "RAY_CLUSTER_NAME"
"""An environment variable of KubeRay's pods, which do not know what other pods may be started."""
MEMORY_PER_CPU_BYTES = 3 * 2**30
"""Assumed if the cluster file does not give a node's memory."""


def startable_nodes(living: Sequence[Node], *, config: Path = BOOTSTRAP_CONFIG) -> tuple[Node, ...] | None:
    """Return all nodes that the cluster's autoscaler may have running at once, without the head.

    Args:
        living: the nodes that are running.
        config: the cluster file that the head was started from.

    Returns:
        One entry per node; empty if there is no autoscaler; None if there is one, but its limits are unknown here.
    """
    if KUBERAY in os.environ:
        return None
    if not config.expanduser().is_file():
        return ()
    cluster = YAML(typ="safe", pure=True).load(config.expanduser())
    max_workers = int(cluster.get("max_workers") or 0)
    if (
        cluster["provider"]["type"] == "local"
    ):  # an on-premises cluster: the file does not give the resources of its hosts
        return () if len(living) > max_workers else None
    return tuple(_workers(cluster, max_workers=max_workers))


def _workers(cluster: Mapping[str, Any], *, max_workers: int) -> Iterator[Node]:
    for name, kind in cluster["available_node_types"].items():
        if name != cluster["head_node_type"]:
            node = as_node(kind.get("resources") or {})
            node = node if node.memory_bytes else replace(node, memory_bytes=node.cpus * MEMORY_PER_CPU_BYTES)
            yield from [node] * min(int(kind.get("max_workers") or 0), max_workers)
