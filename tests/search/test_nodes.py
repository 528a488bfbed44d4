"""A sweep on several nodes of one cluster, whose processes reach the run directory through Ray alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from ray.cluster_utils import Cluster

from search.history import read_history
from search.opened import open_run
from tests.harm.doing import driven, ended, epochs, kill, until
from tests.harm.sound import assert_sound
from tests.harm.sweeps import LONG, RUN, written


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        token = Path("~/.ray/auth_token").expanduser()
        if token.is_file():  # Ray made it, and the driver's home is another
            monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
        yield cluster
    finally:
        cluster.shutdown()


def trainers() -> list[psutil.Process]:
    """The processes of trials, which belong to the cluster and not to the driver."""
    return [each for each in psutil.Process().children(recursive=True) if "TrialTrainable" in each.name()]


def test_a_trial_killed_on_another_node_goes_on_from_the_checkpoint_that_the_driver_keeps(
    tmp_path: Path, cluster: Cluster
) -> None:
    run = written(tmp_path, LONG.replace("epochs: 120", "epochs: 40"))
    with driven(*RUN, "--set", "search.trials=1", cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 10, of=driver)
        assert (run / "trials" / "0" / "checkpoint" / "state.npz").is_file()
        kill(trainers())
        before = read_history(run / "trials" / "0" / "history.csv")
        assert ended(driver) == 0, driver.said
    assert_sound(run, trials=1)
    assert read_history(run / "trials" / "0" / "history.csv")[:8] == before[:8], "trained again, though it was saved"
    assert open_run(run).trials[0].user_attrs["host"]
