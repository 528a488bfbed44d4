"""Which Ray a sweep uses."""

from __future__ import annotations

import os
import time
from ipaddress import ip_address
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest
import ray

from clusters.connection.address import ClusterChoice
from clusters.connection.session import connect
from clusters.membership import living_nodes
from search.machine import this_node
from tests.second_user import common_folder


def listeners() -> dict[str, set[tuple[str, int]]]:
    """The addresses and ports at which this process and its children listen, by their names."""
    found: dict[str, set[tuple[str, int]]] = {}
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        for socket in process.net_connections("tcp"):
            if socket.status == psutil.CONN_LISTEN:
                found.setdefault(process.name(), set()).add((socket.laddr.ip, socket.laddr.port))
    return found


def all_listeners() -> dict[str, set[tuple[str, int]]]:
    """The same, when the last of Ray's processes has come to listen."""
    ray.get(ray.remote(num_cpus=0)(lambda: None).remote())
    deadline = time.monotonic() + 60
    while "ray::DashboardAgent" not in (found := listeners()) or len(found) < 6:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def test_a_sweep_starts_its_own_ray_which_is_closed_to_others_and_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with common_folder() as common:
        monkeypatch.setenv("RAY_TMPDIR", str(common))
        with connect(ClusterChoice(), here=this_node(gpus=0)) as may_grow:
            assert ray.is_initialized()
            assert not may_grow
            [started], foretold = living_nodes(), this_node(gpus=0)
            assert foretold.cpus == started.cpus
            assert foretold.memory_bytes == pytest.approx(started.memory_bytes, rel=0.25)
            [folder] = common.iterdir()
            session = Path(ray._private.worker._global_node.get_session_dir_path())
            assert folder in session.parents
            for closed in (folder, session.parent, session):
                assert closed.stat().st_mode & 0o777 == 0o700
            assert (folder / "token").stat().st_mode & 0o777 == 0o600
            found = all_listeners()
            addresses = {address.removeprefix("::ffff:") for each in found.values() for address, _ in each}
            assert all(ip_address(address).is_loopback for address in addresses), found
            [(_, port)] = found["ray::RuntimeEnvAgent"]
            with pytest.raises(HTTPError, match="401"):  # what makes environments, and runs what it is told
                urlopen(f"http://127.0.0.1:{port}/get_or_create_runtime_env", timeout=30)
        assert not ray.is_initialized()
        assert not (folder / "token").exists()
        assert (session / "logs" / "raylet.out").exists()
    assert not (tmp_path / "home").exists()
    assert os.environ["RAY_AUTH_MODE"] == "disabled"
    assert "RAY_AUTH_TOKEN_PATH" not in os.environ


def test_a_ray_that_is_there_already_is_used_and_kept() -> None:
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        with connect(here=this_node(gpus=0)) as may_grow:
            assert may_grow
        assert ray.is_initialized()
    finally:
        ray.shutdown()
