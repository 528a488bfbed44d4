"""The nodes of a cluster, as a table and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.table import Table

from clusters.health.diagnose import Finding, differing_packages, is_loopback, names
from clusters.health.survey import Survey, SurveyedNode
from search.cli.table import draw
from search.formatting import format_count

DROPPED_FIRST = ("memory", "CPUs", "clock", "shared")
"""Columns to drop on a narrow terminal, in this order."""


def node_table(found: Survey, findings: list[Finding], *, width: int) -> Table:
    """Return a table with one line per node, at most ``width`` characters wide."""
    node_names, nodes = names(found.nodes), found.nodes
    problems = {name: sum(finding.where == name for finding in findings) for name in node_names.values()}
    cells = {
        "node": ["node", *(node_names[node.id] for node in nodes)],
        "role": ["role", *(_role(node) for node in nodes)],
        "CPUs": ["CPUs", *(f"{node.has.cpus:g}" for node in nodes)],
        "GPUs": ["GPUs", *(_gpus(node) for node in nodes)],
        "memory": ["memory\nGB", *(f"{node.has.memory_bytes / 1e9:.1f}" for node in nodes)],
        "versions": ["versions", *(_versions(node, found) for node in nodes)],
        "disk": ["disk\nfree GB", *(_disk(node) for node in nodes)],
        "shared": ["shared\nGB", *(_shared(node) for node in nodes)],
        "clock": ["clock\ns", *("" if node.clock_s is None else f"{node.clock_s:+.1f}" for node in nodes)],
        "fit": ["fit", *(_fit(problems[node_names[node.id]]) for node in nodes)],
    }
    styles = ["red" if problems[node_names[node.id]] else "" for node in nodes]
    return draw(cells, styles, droppable=DROPPED_FIRST, notes=[], width=width)


def summary(found: Survey) -> str:
    """Return what all nodes have in common, one fact per line."""
    *ours, own, code = (f"{name} {version}" for name, version in found.versions.items())
    heads = [node.facts for node in found.nodes if node.head and node.facts]
    token = "unknown" if not heads else "on" if all(facts.token for facts in heads) else "off"
    scope = " (this machine only)" if found.dashboard and is_loopback(found.dashboard) else ""
    more = "unknown" if found.startable is None else f"up to {format_count(len(found.startable), 'node')}"
    return "\n".join(
        (
            f"driver      {', '.join(ours)},",
            f"            {own}, {code}",
            f"access      token authentication {token}; dashboard {found.dashboard or 'off'}{scope}",
            f"autoscaler  {'none' if found.startable == () else more}",
        )
    )


def survey_as_mapping(found: Survey, findings: list[Finding]) -> dict[str, Any]:
    """Return the survey as plain data, for JSON."""
    node_names = names(found.nodes)
    nodes = [{"name": node_names[node.id], **asdict(node)} for node in found.nodes]
    return {"fit": not findings, "problems": [asdict(finding) for finding in findings], **asdict(found), "nodes": nodes}


def _role(node: SurveyedNode) -> str:
    return "head" if node.head else "driver" if node.driver else "worker"


def _gpus(node: SurveyedNode) -> str:
    seen = (node.facts.tensorflow_gpus or 0) if node.facts else node.has.gpus
    return f"{node.has.gpus:g}" + (f", TF {seen}" if seen != node.has.gpus else "")


def _versions(node: SurveyedNode, found: Survey) -> str:
    if node.versions is None:
        return "?"
    other = [f"{name} {node.versions.get(name)}" for name in differing_packages(node.versions, found.versions)]
    return "\n".join(other) or "same as driver"


def _disk(node: SurveyedNode) -> str:
    return f"{min(node.facts.free_bytes.values()) / 1e9:.1f}" if node.facts else ""


def _shared(node: SurveyedNode) -> str:
    size = node.facts.shm_bytes if node.facts else None
    return "" if size is None else f"{size / 1e9:.1f}"


def _fit(count: int) -> str:
    return "no" if count else "yes"
