"""A sweep on several nodes of one cluster, whose processes reach the run directory through Ray alone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from ray.cluster_utils import Cluster

from search.run.history import read_history
from search.run.reader import open_run
from tests.harm.doing import driven, ended, epochs, kill, until
from tests.harm.sound import assert_no_epoch_twice
from tests.harm.sweeps import LONG, RUN, written

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A head that trains nothing, and a worker."""
    small = {"include_dashboard": False, "object_store_memory": 100 * 2**20}
    with tempfile.TemporaryDirectory(prefix="hound-") as folder:  # sockets have short names
        monkeypatch.setenv("RAY_TMPDIR", folder)  # where this cluster is made known: to nobody else
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
        try:
            cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
            monkeypatch.setenv("RAY_ADDRESS", cluster.address)
            yield cluster
        finally:
            cluster.shutdown()


def older(home: Path) -> Path:
    """A folder with the packages as they were before one of them was changed."""
    for package in ("clusters", "search", "spaces", "trainables"):
        shutil.copytree(REPOSITORY / package, home / "older" / package, ignore=shutil.ignore_patterns("__pycache__"))
    (home / "older" / "search" / "wording.py").write_text("")
    return home / "older"


def trainers() -> list[psutil.Process]:
    """The processes of trials, which belong to the cluster and not to the driver."""
    return [each for each in psutil.Process().children(recursive=True) if "TrialTrainable" in each.name()]


def test_trials_elsewhere_go_on_from_the_drivers_checkpoints_and_a_node_with_another_code_ends_the_sweep(
    tmp_path: Path, cluster: Cluster
) -> None:
    run = written(tmp_path, LONG)
    with driven(*RUN, "--set", "search.trials=2", cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 10, of=driver)
        assert (run / "trials" / "0" / "checkpoint" / "state.npz").is_file()
        kill(trainers())
        before = read_history(run / "trials" / "0" / "history.csv")
        until(lambda: epochs(run, 1), of=driver)
        history = read_history(run / "trials" / "0" / "history.csv")
        assert history[:8] == before[:8], "trained again, though it was saved"
        assert epochs(run, 0) == list(range(1, 121))
        assert open_run(run).trials[0].user_attrs["host"]

        other = {"PYTHONPATH": str(older(tmp_path))}
        node = cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20, env_vars=other)
        assert ended(driver) == 1
        cluster.remove_node(node)
    assert "joined the cluster with other versions than the driver's" in driver.said
    assert "Continue with: tunehound resume" in driver.said
    assert_no_epoch_twice(run)
