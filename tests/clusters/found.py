"""Clusters as they could have been found, built from plain facts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clusters.health.survey import Facts, SeenNode, Survey
from clusters.slots import Node

GB = 10**9
VERSIONS = {
    "python": "3.11.7",
    "ray": "2.60.0",
    "keras": "3.15.1",
    "tensorflow": "2.21.0",
    "tunehound": "0.1.0",
    "code": "0123456789ab",
}
FACTS = Facts(
    gpus=1,
    tensorflow_gpus=1,
    cache="/root/.cache/tunehound",
    cache_fault="",
    free_bytes={"/root/.cache/tunehound": 80 * GB, "/tmp/ray/session_1": 40 * GB},  # noqa: S108
    shm_bytes=16 * GB,
    missing=(),
    token=True,
    kubernetes=False,
)
HEAD = SeenNode(
    id="a" * 56,
    host="head",
    address="10.0.0.1",
    head=True,
    driver=True,
    has=Node(cpus=8, gpus=1, memory_bytes=32 * GB),
    object_store_bytes=9 * GB,
    versions=VERSIONS,
    facts=FACTS,
    clock_s=0.0,
    clock_error_s=0.001,
)
WORKER = replace(HEAD, id="b" * 56, host="w1", address="10.0.0.2", head=False, driver=False)


def found(*workers: SeenNode, head: SeenNode = HEAD, **other: Any) -> Survey:
    """A cluster of a head and these workers; where nothing else is said, nothing is wrong with the rest of it."""
    fields: dict[str, Any] = {"startable": (), "dashboard": "127.0.0.1:8265"} | other
    return Survey(versions=VERSIONS, nodes=(head, *(workers or (WORKER,))), **fields)


def worker(**facts: Any) -> SeenNode:
    """The worker, with other facts."""
    return replace(WORKER, facts=replace(FACTS, **facts))


def with_versions(node: SeenNode, **versions: str) -> SeenNode:
    """A node with other versions."""
    return replace(node, versions=VERSIONS | versions)
