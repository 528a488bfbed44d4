"""The nodes of a running cluster, as they join and leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ray

from clusters.ray_internals import draining_nodes
from clusters.slots import Node


@dataclass(frozen=True, kw_only=True)
class Member:
    """A living node of the cluster."""

    id: str
    """Ray's id, in hexadecimal."""
    host: str
    node: Node
    leaving: bool
    """Whether it is draining: it accepts no new work and is about to leave."""


def members() -> tuple[Member, ...]:
    """Return the living nodes of the cluster that this process is connected to."""
    leaving = draining_nodes()
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
    """Return the resources of the nodes that accept new trials."""
    return tuple(member.node for member in members() if not member.leaving)


def as_node(resources: Mapping[str, Any]) -> Node:
    """Convert Ray's resources of a node, by their names."""
    return Node(
        cpus=resources.get("CPU", 0.0), gpus=resources.get("GPU", 0.0), memory_bytes=resources.get("memory", 0.0)
    )
