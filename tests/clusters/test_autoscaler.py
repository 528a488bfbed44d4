"""Which nodes an autoscaler may start, as far as the head can know."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusters.autoscaler import startable_nodes
from clusters.slots import Node

HEAD = Node(cpus=0, gpus=0, memory_bytes=8e9)
CLOUD = """
max_workers: 3
provider: {type: aws, region: somewhere}
head_node_type: head
available_node_types:
  head: {resources: {CPU: 0}, max_workers: 0}
  gpu: {resources: {CPU: 8, GPU: 1, memory: 30000000000}, max_workers: 2}
  cpu: {resources: {CPU: 4}, max_workers: 9}
"""
OWN = """
max_workers: 2
provider: {type: local, head_ip: one, worker_ips: [two, three]}
head_node_type: local.cluster.node
available_node_types: {local.cluster.node: {resources: {}, max_workers: 2}}
"""


@pytest.fixture
def launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RAY_CLUSTER_NAME", raising=False)
    return tmp_path / "cluster.yaml"


def test_a_cloud_may_start_as_many_of_each_type_as_its_file_says(launched: Path) -> None:
    launched.write_text(CLOUD)
    nodes = startable_nodes([HEAD], launched=launched)
    assert nodes is not None
    assert [(node.cpus, node.gpus) for node in nodes] == [(8, 1)] * 2 + [(4, 0)] * 3
    assert nodes[0].memory_bytes == 30e9
    assert nodes[-1].memory_bytes > 4e9, "what the file does not say is guessed"


def test_hosts_of_ones_own_are_unknown_until_all_are_there(launched: Path) -> None:
    launched.write_text(OWN)
    assert startable_nodes([HEAD], launched=launched) is None
    assert startable_nodes([HEAD] * 3, launched=launched) == ()


def test_a_cluster_started_by_hand_does_not_grow_by_itself(launched: Path) -> None:
    assert startable_nodes([HEAD], launched=launched) == ()


def test_a_pod_is_not_told_what_else_there_could_be(launched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_CLUSTER_NAME", "sweeps")
    assert startable_nodes([HEAD], launched=launched) is None
