"""The nodes of a cluster as people and scripts are told of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.table import Table

from clusters.health.diagnose import Trouble, differing, loopback, names
from clusters.health.survey import SeenNode, Survey
from search.cli.table import draw
from search.formatting import counted

DROPPED_FIRST = ("memory", "CPUs", "clock", "shared")
"""Columns that go when the terminal is narrow, in this order."""


def node_table(found: Survey, wrong: list[Trouble], *, width: int) -> Table:
    """A line a node, no wider than ``width`` characters."""
    called, nodes = names(found.nodes), found.nodes
    ill = {name: sum(trouble.where == name for trouble in wrong) for name in called.values()}
    cells = {
        "node": ["node", *(called[node.id] for node in nodes)],
        "role": ["role", *(_role(node) for node in nodes)],
        "CPUs": ["CPUs", *(f"{node.has.cpus:g}" for node in nodes)],
        "GPUs": ["GPUs", *(_gpus(node) for node in nodes)],
        "memory": ["memory\nGB", *(f"{node.has.memory_bytes / 1e9:.1f}" for node in nodes)],
        "versions": ["versions", *(_versions(node, found) for node in nodes)],
        "disk": ["disk\nfree GB", *(_disk(node) for node in nodes)],
        "shared": ["shared\nGB", *(_shared(node) for node in nodes)],
        "clock": ["clock\ns", *("" if node.clock_s is None else f"{node.clock_s:+.1f}" for node in nodes)],
        "fit": ["fit", *(_fit(ill[called[node.id]]) for node in nodes)],
    }
    styles = ["red" if ill[called[node.id]] else "" for node in nodes]
    return draw(cells, styles, droppable=DROPPED_FIRST, notes=[], width=width)


def summary(found: Survey) -> str:
    """What is the same for all nodes, in lines."""
    *ours, own, code = (f"{name} {version}" for name, version in found.versions.items())
    heads = [node.facts for node in found.nodes if node.head and node.facts]
    token = "not known" if not heads else "on" if all(facts.token for facts in heads) else "off"
    where = " (for this machine alone)" if found.dashboard and loopback(found.dashboard) else ""
    more = "not known" if found.startable is None else f"up to {counted(len(found.startable), 'node')}"
    return "\n".join(
        (
            f"driver      {', '.join(ours)},",
            f"            {own}, {code}",
            f"access      token authentication {token}; dashboard {found.dashboard or 'off'}{where}",
            f"autoscaler  {'none' if found.startable == () else more}",
        )
    )


def as_mapping(found: Survey, wrong: list[Trouble]) -> dict[str, Any]:
    """For scripts."""
    called = names(found.nodes)
    nodes = [{"name": called[node.id], **asdict(node)} for node in found.nodes]
    return {"fit": not wrong, "problems": [asdict(trouble) for trouble in wrong], **asdict(found), "nodes": nodes}


def _role(node: SeenNode) -> str:
    return "head" if node.head else "driver" if node.driver else "worker"


def _gpus(node: SeenNode) -> str:
    seen = (node.facts.tensorflow_gpus or 0) if node.facts else node.has.gpus
    return f"{node.has.gpus:g}" + (f", TF {seen}" if seen != node.has.gpus else "")


def _versions(node: SeenNode, found: Survey) -> str:
    if node.versions is None:
        return "?"
    other = [f"{name} {node.versions.get(name)}" for name in differing(node.versions, found.versions)]
    return "\n".join(other) or "as the driver"


def _disk(node: SeenNode) -> str:
    return f"{min(node.facts.free_bytes.values()) / 1e9:.1f}" if node.facts else ""


def _shared(node: SeenNode) -> str:
    size = node.facts.shm_bytes if node.facts else None
    return "" if size is None else f"{size / 1e9:.1f}"


def _fit(problems: int) -> str:
    return "no" if problems else "yes"
