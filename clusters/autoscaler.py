"""The nodes that an autoscaler may start, beside those that are there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from clusters.membership import as_node
from clusters.slots import Node

LAUNCHED = Path("~/ray_bootstrap_config.yaml")
"""What `ray up` leaves on the head: the cluster file, with what each type of node has filled in."""
KUBERAY = "RAY_CLUSTER_NAME"
"""An environment variable of KubeRay's pods, which are not told what others there could be."""
MEMORY_A_CPU_BYTES = 3 * 2**30
"""Taken to be there where a cluster file does not say."""


def startable_nodes(living: Sequence[Node], *, launched: Path = LAUNCHED) -> tuple[Node, ...] | None:
    """All nodes that the cluster's autoscaler may have running at once, the head left out.

    Args:
        living: the nodes that are there.
        launched: the cluster file that the head was started from.

    Returns:
        As many entries as nodes; empty where there is no autoscaler; None where there is one, but what it may start
        cannot be known from here.
    """
    if KUBERAY in os.environ:
        return None
    if not launched.expanduser().is_file():
        return ()
    cluster = YAML(typ="safe", pure=True).load(launched.expanduser())
    most = int(cluster.get("max_workers") or 0)
    if cluster["provider"]["type"] == "local":  # hosts of one's own: the file does not say what they have
        return () if len(living) > most else None
    return tuple(_workers(cluster, most=most))


def _workers(cluster: Mapping[str, Any], *, most: int) -> Iterator[Node]:
    for name, kind in cluster["available_node_types"].items():
        if name != cluster["head_node_type"]:
            node = as_node(kind.get("resources") or {})
            node = node if node.memory_bytes else replace(node, memory_bytes=node.cpus * MEMORY_A_CPU_BYTES)
            yield from [node] * min(int(kind.get("max_workers") or 0), most)
