"""The lab: a desk and a cluster of three hosts, made anew for every file of tests.

It needs root, and programs that a workstation may lack. Where it cannot be built, the tests fail: a lab that is quietly
left out proves nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.lab.cluster import Cluster
from tests.lab.hosts import ISOLATED, OWN, Host, hosts

NEEDED = {
    "openssh-server": "sshd", "openssh-client": "ssh-keygen", "rsync": "rsync", "iproute2": "ip", "procps": "ps",
    "tmux": "tmux", "util-linux": "unshare",
}  # fmt: skip
"""Programs, by the Debian package that brings them."""


@pytest.fixture(scope="session", autouse=True)
def _possible() -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    lacking = [package for package, program in NEEDED.items() if not shutil.which(program, path=path)]
    if lacking:
        pytest.fail(f"apt-get install -y --no-install-recommends {' '.join(lacking)}", pytrace=False)
    if os.geteuid() != 0:
        pytest.fail("hosts are made from namespaces, which takes root: sudo make test-cluster", pytrace=False)
    tried = subprocess.run([*ISOLATED, *OWN, "--mount-proc", "--", "true"], capture_output=True, text=True)
    if tried.returncode:
        told = f"{tried.stderr.strip()}: no namespaces can be made here (in a container: docker run --privileged)"
        pytest.fail(told, pytrace=False)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Host]]:
    """The desk, the head and two workers, with nothing running."""
    with hosts(tmp_path_factory.mktemp("lab"), "desk", "head", "w1", "w2") as made:
        yield made


@pytest.fixture(scope="module")
def cluster(machines: list[Host], request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster that is up; with a dashboard where the tests name one."""
    desk, head, *workers = machines
    cluster = Cluster(desk, head, workers, dashboard=hasattr(request.module, "DASHBOARD"))
    cluster.write()
    cluster.up()
    yield cluster
    print(f"\n{cluster.told}")


@pytest.fixture(autouse=True)
def _timed(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    began = time.monotonic()
    yield
    with capsys.disabled():
        print(f"\n{request.node.name}: {time.monotonic() - began:.0f} s")
