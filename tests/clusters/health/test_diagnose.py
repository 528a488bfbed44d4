"""Each sickness of a cluster is told, with the node that has it and what to do; a healthy one has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusters.health.diagnose import CLUSTER, mixed, names, silent, troubles
from clusters.health.survey import FACTS as ADAPTER
from clusters.health.survey import SURVEY, SeenNode, Survey
from clusters.slots import Node
from tests.clusters.found import FACTS, GB, HEAD, WORKER, found, with_versions, worker

OPEN = replace(HEAD, facts=replace(FACTS, token=False))
SICK = [
    (with_versions(WORKER, keras="3.14.0"), "keras 3.14.0, where the driver has 3.15.1"),
    (with_versions(WORKER, python="3.12.1"), "python 3.12.1"),
    (with_versions(WORKER, code="ba9876543210"), "not the driver's code"),
    (with_versions(WORKER, tunehound="none", code="none"), "tunehound not installed, where the driver has 0.1.0"),
    (replace(WORKER, versions=None, facts=None, fault="did not answer within 40 s"), "did not answer"),
    (worker(tensorflow_gpus=0), "Ray counts 1 GPU, and TensorFlow sees none"),
    (worker(tensorflow_gpus=None), "TensorFlow sees none"),
    (worker(tensorflow_gpus=4), "TensorFlow sees 4 GPUs, and Ray counts 1"),
    (worker(cache_fault="Read-only file system"), "Read-only file system"),
    (worker(free_bytes={"/data": 80 * GB, "/var/ray": 2 * GB}), "/var/ray has 2.0 GB free"),
    (worker(shm_bytes=GB // 16), "shared memory has 0.1 GB, and Ray wants 9.0 GB"),
    (worker(missing=("/data/birds",)), "/data/birds is not there"),
    (replace(WORKER, clock_s=-7.0, clock_error_s=0.1), "7.0 s behind"),
]


def test_a_healthy_cluster_has_no_troubles() -> None:
    assert troubles(found()) == []


@pytest.mark.parametrize(("node", "told"), SICK)
def test_a_sick_node_is_named_with_what_is_wrong_and_what_to_do(node: SeenNode, told: str) -> None:
    [trouble] = troubles(found(node))
    assert trouble.where == "w1"
    assert told in trouble.wrong
    assert trouble.remedy


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        (found(head=OPEN), "token authentication is off"),
        (found(dashboard="10.0.0.1:8265"), "the dashboard listens on 10.0.0.1:8265"),
    ],
)
def test_a_cluster_that_strangers_may_use_is_told(cluster: Survey, told: str) -> None:
    [trouble] = troubles(cluster)
    assert trouble.where == CLUSTER
    assert told in trouble.wrong


def test_what_is_as_it_should_be_is_no_trouble() -> None:
    alone = Survey(versions=HEAD.versions or {}, nodes=(OPEN,), startable=(), dashboard="localhost:8265")
    pods = replace(HEAD, facts=replace(FACTS, kubernetes=True))
    kept_free = replace(worker(tensorflow_gpus=2), has=Node(cpus=0, gpus=0, memory_bytes=0))
    bare = replace(worker(gpus=0, tensorflow_gpus=None, shm_bytes=None), has=Node(cpus=2, gpus=0, memory_bytes=0))
    slow = replace(WORKER, clock_s=8.0, clock_error_s=7.0)
    for fine in (
        alone,
        found(head=pods, dashboard="10.0.0.1:8265"),
        found(kept_free, bare, slow, with_versions(WORKER, python="3.11.9")),
    ):
        assert troubles(fine) == []


def test_only_the_first_of_two_folders_on_one_full_disk_is_told() -> None:
    [trouble] = troubles(found(worker(free_bytes={"/a": GB, "/b": GB})))
    assert "/a" in trouble.wrong


def test_nodes_that_share_a_name_are_told_apart() -> None:
    elsewhere = replace(WORKER, id="c" * 56, host="head")
    beside = replace(WORKER, id="d" * 56)
    assert list(names([HEAD, elsewhere]).values()) == ["head (10.0.0.1)", "head (10.0.0.2)"]
    assert list(names([HEAD, WORKER, beside]).values()) == ["head", "w1 (bbbbbbbb)", "w1 (dddddddd)"]


def test_what_a_run_asks_tells_the_mixed_from_the_silent() -> None:
    quiet = replace(WORKER, id="c" * 56, host="w2", versions=None, facts=None, fault="did not answer")
    cluster = found(with_versions(WORKER, ray="2.59.0"), quiet)
    assert [trouble.where for trouble in mixed(cluster)] == ["w1"]
    assert [trouble.where for trouble in silent(cluster)] == ["w2"]


def test_what_was_found_survives_the_way_from_one_process_to_another() -> None:
    cluster = found(startable=None)
    assert SURVEY.validate_json(SURVEY.dump_json(cluster)) == cluster
    assert ADAPTER.validate_json(ADAPTER.dump_json(FACTS)) == FACTS
