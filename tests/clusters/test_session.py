"""Which Ray a sweep uses."""

from __future__ import annotations

import pytest
import ray

from clusters.members import living_nodes
from clusters.nodes import cluster_nodes, this_node
from clusters.session import connected


def test_a_sweep_starts_its_own_ray_and_leaves_none_behind() -> None:
    with connected() as may_grow:
        assert ray.is_initialized()
        assert not may_grow
        [started], foretold = living_nodes(), this_node(gpus=0)
        assert foretold.cpus == started.cpus
        assert foretold.memory_bytes == pytest.approx(started.memory_bytes, rel=0.25)
    assert not ray.is_initialized()


def test_a_ray_that_is_there_already_is_used_and_kept() -> None:
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        with connected() as may_grow:
            assert may_grow
        assert ray.is_initialized()
    finally:
        ray.shutdown()


def test_a_cluster_that_does_not_answer_has_no_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    assert cluster_nodes(timeout_s=2) == ()
