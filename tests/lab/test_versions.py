"""A host with other code than the rest is named before the first trial, and nothing is begun."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.cluster import FILE, Cluster
from tests.lab.hosts import ROOT, Host, hosts


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Host]]:
    """The second worker has an older tree."""
    older: Path = tmp_path_factory.mktemp("older")
    for part in ("search", "spaces", "trainables", "clusters"):
        shutil.copytree(ROOT / part, older / part)
    shutil.copyfile(ROOT / "tunehound.py", older / "tunehound.py")
    environment = Path(sys.prefix)
    if environment.is_relative_to(ROOT):
        (older / environment.relative_to(ROOT)).mkdir(parents=True)  # where it is mounted
    with (older / "trainables" / "loss.py").open("a") as module:
        module.write("# as it was last week\n")
    with hosts(tmp_path_factory.mktemp("lab"), "desk", "head", "w1", "w2", seen={"w2": {ROOT: older}}) as made:
        yield made


def test_a_sweep_is_refused_that_names_the_host_with_other_code(cluster: Cluster) -> None:
    done = cluster.desk.call("tunehound", "submit", FILE, "--", "run", "digits", "--name", "refused")
    assert done.returncode == 1
    other = cluster.workers[1]
    assert other.name in done.stdout or other.address in done.stdout, done.stdout
    assert not cluster.run("refused").exists()


def test_the_check_names_it_too(cluster: Cluster) -> None:
    done = cluster.desk.call("ray", "exec", FILE, "tunehound cluster check")
    assert done.returncode == 1
    assert "w2" in done.stdout
