"""How many trials are handed out on a cluster that grows and shrinks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusters import cluster as module
from clusters.cluster import Cluster
from clusters.membership import Member
from clusters.slots import Node

SMALL, LARGE = Node(cpus=2, gpus=0, memory_bytes=8e9), Node(cpus=8, gpus=2, memory_bytes=60e9)


class Now:
    """A cluster as a test has it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *nodes: Node, startable: tuple[Node, ...] | None = ()) -> None:
        self.there = [Member(id=f"{i}", host=f"host{i}", node=node, leaving=False) for i, node in enumerate(nodes)]
        monkeypatch.setattr(module, "Newcomers", lambda: None)
        monkeypatch.setattr(module, "startable_nodes", lambda living: startable)

    def cluster(self, *, gpus: float | None = None) -> Cluster:
        return Cluster(lambda: tuple(self.there), may_grow=True, image_side_px=32, cpus=1, gpus=gpus)


def test_a_cluster_that_stays_has_room_for_its_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Now(monkeypatch, SMALL, SMALL).cluster()
    assert cluster.room() == cluster.slots() == 4


def test_nodes_that_join_leave_and_drain_are_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = Now(monkeypatch, SMALL, SMALL)
    cluster = now.cluster()
    now.there[1] = replace(now.there[1], leaving=True)
    assert cluster.leaving() == ["1"]
    assert cluster.room() == 2
    now.there = now.there[:1] + [replace(now.there[0], id="2")] * 3
    assert cluster.room() == 8


def test_trials_wait_for_the_nodes_that_an_autoscaler_may_start(monkeypatch: pytest.MonkeyPatch) -> None:
    now = Now(monkeypatch, Node(cpus=0, gpus=0, memory_bytes=4e9), startable=(LARGE,) * 10)
    cluster = now.cluster()
    assert cluster.slot.gpus == 0.25, "the head has no GPU, but the workers to come have"
    assert cluster.slots() == 1
    assert cluster.room() == 4
    now.there += [Member(id=f"w{i}", host=f"w{i}", node=LARGE, leaving=False) for i in range(3)]
    assert cluster.room() == 48, "as many again as there are"
    now.there += [Member(id=f"v{i}", host=f"v{i}", node=LARGE, leaving=False) for i in range(6)]
    assert cluster.room() == 80, "but no more than there may be"


def test_where_nobody_knows_what_may_come_some_trials_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Now(monkeypatch, SMALL, startable=None).cluster().room() == 6
