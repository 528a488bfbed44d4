"""The nodes of a running cluster, as they come and go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray._private.state import state

from clusters.slots import Node


@dataclass(frozen=True, kw_only=True)
class Member:
    """A living node of the cluster."""

    id: str
    """Ray's, in hexadecimal."""
    host: str
    node: Node
    leaving: bool
    """Whether it was told to drain: it takes nothing new, and goes away."""


def members() -> tuple[Member, ...]:
    """The living nodes of the cluster that this driver is connected to."""
    leaving = state.get_draining_nodes()
    return tuple(
        Member(
            id=node["NodeID"],
            host=node["NodeManagerHostname"],
            node=as_node(node["Resources"]),
            leaving=node["NodeID"] in leaving,
        )
        for node in ray.nodes()
        if node["Alive"]
    )


def living_nodes() -> tuple[Node, ...]:
    """What the nodes have that take new trials."""
    return tuple(member.node for member in members() if not member.leaving)


def as_node(resources: Mapping[str, Any]) -> Node:
    """From Ray's names of resources."""
    return Node(
        cpus=resources.get("CPU", 0.0), gpus=resources.get("GPU", 0.0), memory_bytes=resources.get("memory", 0.0)
    )
