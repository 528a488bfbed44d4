"""A cluster that changes: a host joins late and gets trials; one is drained, and its trials move."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.harm.sound import assert_sound
from tests.lab.cluster import FILE, Cluster, trained, trains
from tests.lab.hosts import Host, until
from tests.lab.sweeps import LONG
from tests.lab.work import recovered_s, until_at_work

NODE = """
import ray
ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
print(*(node["NodeID"] for node in ray.nodes() if node["Alive"] and node["NodeManagerAddress"] == "{address}"))
"""
DRAIN = "--reason DRAIN_NODE_REASON_PREEMPTION --reason-message test --deadline-remaining-seconds 30".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def cluster(machines: list[Host]) -> Iterator[Cluster]:
    """A cluster whose second worker is switched off; Ray goes on asking for it."""
    desk, head, first, late = machines
    late.power_off()
    cluster = Cluster(desk, head, [first, late])
    cluster.write()
    cluster.up(nodes=2)
    yield cluster
    print(f"\n{cluster.told}")


def test_a_host_that_joins_late_gets_trials_and_a_drained_one_hands_its_own_over(cluster: Cluster) -> None:
    first, late = cluster.workers
    (cluster.desk.home / "mine.yaml").write_text(LONG.replace("trials: 5", "trials: 8"))
    sweep = cluster.start("tunehound", "submit", FILE, "--", "run", "mine.yaml", "--name", "nodes")
    cluster.until_all_train(sweep, cluster.head, first)
    began = time.monotonic()
    late.boot()
    cluster.until_all_train(sweep, late)
    cluster.times["late host: trains"] = time.monotonic() - began
    before = until_at_work(cluster.run("nodes"), trials=3, epoch=5)
    node = cluster.head.call("python", "-c", NODE.format(address=first.address)).stdout.split()[-1]
    done = cluster.head.call("ray", "drain-node", "--node-id", node, *DRAIN)
    assert done.returncode == 0, done.stdout
    began = time.monotonic()
    until(lambda: not trains(first), within_s=60)
    cluster.times["drained host: left"] = time.monotonic() - began
    cluster.times["drained host: its trials went on"] = recovered_s(cluster.run("nodes"), before)
    sweep.ended_well(within_s=500)
    assert trained(late)
    assert_sound(cluster.run("nodes"), trials=8)
