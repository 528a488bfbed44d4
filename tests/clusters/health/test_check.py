"""A real cluster is asked by the real process, and a sweep that starts on a sick one is refused."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusters.connection.address import ClusterChoice
from clusters.health.check import NoAnswerError, survey
from clusters.health.diagnose import differing
from clusters.health.probe import ROOMS, versions
from clusters.health.survey import Need, Wish
from spaces.cache import PLACES
from tests.search.commands import TINY, called

ROOT = Path(__file__).parents[3]
OLD_KERAS = "Metadata-Version: 2.1\nName: keras\nVersion: 3.14.0\n"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A head and a worker, both on this machine; the worker has a keras and a Tunehound of its own."""
    from ray.cluster_utils import Cluster

    stale, folder = tmp_path_factory.mktemp("stale"), tempfile.mkdtemp(prefix="hound-")  # sockets have short names
    for room in ROOMS:
        shutil.copytree(ROOT / room, stale / room, ignore=shutil.ignore_patterns("__pycache__"))
    (stale / "keras-3.14.0.dist-info").mkdir()
    (stale / "keras-3.14.0.dist-info" / "METADATA").write_text(OLD_KERAS)
    path = os.pathsep.join([str(stale), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)  # where this cluster is made known: to nobody else
        patch.setenv("RAY_AUTH_MODE", "disabled")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
        cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": path})
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield cluster.address
        cluster.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def test_every_node_of_a_cluster_answers(address: str, tmp_path: Path) -> None:
    gone = str(tmp_path / "birds")
    found = survey(
        ClusterChoice(address=address, named_by="RAY_ADDRESS"),
        Wish(examine=True, places=PLACES, needs=(Need(called=gone, places=(gone,)),)),
    )
    head, worker = found.nodes
    assert (head.head, head.driver, head.has.cpus) == (True, True, 2)
    assert (worker.head, worker.driver, worker.has.cpus) == (False, False, 1)
    assert (head.fault, worker.fault) == ("", "")
    assert head.versions == found.versions == versions()
    assert worker.versions == {**versions(), "keras": "3.14.0"}
    assert worker.versions is not None
    assert differing(worker.versions, found.versions) == ["keras"]
    assert found.dashboard == ""
    assert found.startable == ()
    for node in found.nodes:
        assert node.facts is not None
        assert node.clock_s is not None
        assert abs(node.clock_s) <= node.clock_error_s + 0.001
        assert (node.facts.cache, node.facts.cache_fault) == (os.environ["TUNEHOUND_CACHE"], "")
        assert len(node.facts.free_bytes) == 2
        assert node.facts.missing == (gone,)
        assert not node.facts.token


def test_a_sweep_is_refused_where_one_node_has_other_versions(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sweep.yaml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    code, _, err = called(capsys, "run", "sweep.yaml")
    assert code == 1
    assert "keras 3.14.0, where the driver has" in err
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


def test_a_cluster_that_is_not_there_does_not_answer() -> None:
    with pytest.raises(NoAnswerError):
        survey(ClusterChoice(address="127.0.0.1:1"), Wish())
