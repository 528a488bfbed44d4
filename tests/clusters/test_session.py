"""Which Ray a sweep uses."""

from __future__ import annotations

import pytest
import ray

from clusters.membership import living_nodes
from clusters.nodes import this_node
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
