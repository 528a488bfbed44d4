"""Looks at the cluster that this process is connected to: a process on each node, all asked at once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import ray
from ray import cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from clusters.autoscaler import startable_nodes
from clusters.health import probe
from clusters.health.survey import FACTS, SeenNode, Survey, Wish
from clusters.membership import as_node
from clusters.nodes import listens

VERSIONS_S, EXAMINE_S, CLOCK_S = 40.0, 90.0, 5.0
"""How long a node may take for each."""
CLOCK_LOOKS = 3
"""Of so many looks at a node's clock the one counts that took least."""
HEAD = "node:__internal_head__"
"""A resource that only the head has."""


def look(wish: Wish, *, dashboard: str) -> Survey:
    """What the cluster is like to which this process is connected; all nodes are asked at once."""
    here = ray.get_runtime_context().get_node_id()
    entries = {entry["NodeID"]: entry for entry in ray.nodes() if entry["Alive"]}
    needs = [asdict(need) for need in wish.needs]
    with _probes(list(entries)) as probes:
        versions = _answers({id: each.versions.remote() for id, each in probes.items()}, timeout_s=VERSIONS_S)
        asked = [id for id, answer in versions.items() if wish.examine and not isinstance(answer, str)]
        questions = {id: {"places": wish.places, "needs": needs, "gpus": _gpus(entries[id])} for id in asked}
        facts = _answers({id: probes[id].examine.remote(**questions[id]) for id in asked}, timeout_s=EXAMINE_S)
        clocks = {id: _clock(probes[id]) for id in asked if not isinstance(facts[id], str)}
    seen = [_seen(entries[id], here, versions[id], facts.get(id), clocks.get(id)) for id in entries]
    nodes = tuple(sorted(seen, key=lambda node: (not node.head, node.host, node.id)))
    return Survey(
        versions=probe.versions(),
        nodes=nodes,
        startable=startable_nodes([node.has for node in nodes]),
        dashboard=dashboard if listens(dashboard) else "",
    )


@contextlib.contextmanager
def _probes(nodes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A process on each node, without a share of its resources; they end with the block."""
    cloudpickle.register_pickle_by_value(probe)
    try:
        remote = ray.remote(num_cpus=0)(probe.Probe)
        placed = {node: NodeAffinitySchedulingStrategy(node_id=node, soft=False) for node in nodes}
        probes = {node: remote.options(scheduling_strategy=where).remote() for node, where in placed.items()}
        yield probes
        for each in probes.values():
            ray.kill(each)
    finally:
        cloudpickle.unregister_pickle_by_value(probe)


def _answers(questions: Mapping[str, Any], *, timeout_s: float) -> dict[str, Any]:
    """What each node answered; a text that says why where it did not."""
    references = list(questions.values())
    done, _ = ray.wait(references, num_returns=len(references), timeout=timeout_s) if references else ([], [])
    answers: dict[str, Any] = {}
    for node, reference in questions.items():
        try:
            late = f"did not answer within {timeout_s:.0f} s"
            answers[node] = ray.get(reference) if reference in done else late
        except Exception as error:  # whatever the node's Python has to say
            told = [line for line in str(error).splitlines() if line.strip()]
            answers[node] = f"could not be asked: {told[-1].strip() if told else type(error).__name__}"
    return answers


def _clock(asked: Any) -> tuple[float, float] | None:
    """How far a node's clock is ahead of ours, and how wrong that may be: half of the way there and back."""
    looks: list[tuple[float, float]] = []
    with contextlib.suppress(Exception):  # the node went away
        for _ in range(CLOCK_LOOKS):
            began = time.time()
            theirs = ray.get(asked.clock.remote(), timeout=CLOCK_S)
            ended = time.time()
            looks.append(((ended - began) / 2, theirs - (began + ended) / 2))
    error_s, offset_s = min(looks, default=(0.0, 0.0))
    return (offset_s, error_s) if looks else None


def _gpus(entry: Mapping[str, Any]) -> float:
    return float(entry["Resources"].get("GPU", 0.0))


def _seen(
    entry: Mapping[str, Any], here: str, versions: Any, facts: Any, clock: tuple[float, float] | None
) -> SeenNode:
    faults = [answer for answer in (versions, facts) if isinstance(answer, str)]
    offset_s, error_s = clock or (None, 0.0)
    return SeenNode(
        id=entry["NodeID"],
        host=entry["NodeManagerHostname"],
        address=entry["NodeManagerAddress"],
        head=HEAD in entry["Resources"],
        driver=entry["NodeID"] == here,
        has=as_node(entry["Resources"]),
        object_store_bytes=entry["Resources"].get("object_store_memory", 0.0),
        versions=None if isinstance(versions, str) else versions,
        fault=faults[0] if faults else "",
        facts=FACTS.validate_python(facts) if isinstance(facts, dict) else None,
        clock_s=offset_s,
        clock_error_s=error_s,
    )
