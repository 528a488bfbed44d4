"""Ray's private parts are where we look for them, and do what we rely on."""

from __future__ import annotations

import inspect
import socket
import sys
from pathlib import Path

import pytest
import ray
from ray._private.authentication.authentication_utils import is_token_auth_enabled
from ray._private.services import resolve_ip_for_localhost, start_ray_process
from ray._private.state import GlobalState
from ray.tune.execution import class_cache

import clusters.ray_internals as module
from clusters.health import probe
from clusters.ray_internals import (
    local_options,
    on_loopback,
    reload_authentication,
    use_token_if_present,
    withheld,
)

SECRETS = {"AWS_SECRET_ACCESS_KEY": "planted", "MY_TOKEN": "planted"}


def test_ray_can_be_asked_which_nodes_drain() -> None:
    """What it answers on a cluster whose nodes drain is tested in tests/lab."""
    assert not inspect.signature(GlobalState().get_draining_nodes).parameters


def test_the_object_store_is_in_shared_memory_only_if_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folder() -> str:
        return str(local_options(str(tmp_path), cpus=1, memory_bytes=1)["_plasma_directory"])

    assert folder() == module.SHARED_MEMORY
    monkeypatch.setattr(module, "SHARED_MEMORY", str(tmp_path / "none"))
    assert folder() == str(tmp_path)
    monkeypatch.setattr(module, "SHARED_MEMORY", "/proc")  # holds no bytes at all, as a full one
    assert folder() == str(tmp_path)


def test_ray_init_knows_the_options_of_a_local_ray(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as caught:  # before anything starts
        ray.init(**local_options(str(tmp_path), cpus=1, memory_bytes=1), no_such_option=True)
    assert "no_such_option" in str(caught.value)
    assert not [option for option in local_options("", cpus=1, memory_bytes=1) if option in str(caught.value)]


def test_a_ray_can_be_kept_on_the_loopback() -> None:
    outside = resolve_ip_for_localhost("127.0.0.1")
    with on_loopback():
        assert resolve_ip_for_localhost("127.0.0.1") == "127.0.0.1"
    assert resolve_ip_for_localhost("127.0.0.1") == outside
    assert socket.inet_aton(outside)


def test_ray_reads_a_changed_way_to_authenticate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    with monkeypatch.context() as patch:
        for mode in ("token", "disabled", "token"):
            patch.setenv("RAY_AUTH_MODE", mode)
            reload_authentication()
            assert is_token_auth_enabled() == (mode == "token")
        patch.delenv("RAY_AUTH_MODE")
        reload_authentication()
        use_token_if_present()
        assert not is_token_auth_enabled()
        patch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
        (tmp_path / "token").write_text("f" * 64)
        reload_authentication()
        use_token_if_present()
        assert is_token_auth_enabled()
        patch.delenv("RAY_AUTH_MODE")  # it was set for the processes to come
    reload_authentication()


@pytest.fixture
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PLAIN", "visible")


def environment_of_a_process_of_ray(folder: Path) -> str:
    file = folder / "environment.txt"
    with file.open("w") as out:
        code = "import os; print(sorted(os.environ))"
        started = start_ray_process([sys.executable, "-c", code], "worker", fate_share=False, stdout_file=out)
        assert started.process.wait(60) == 0
    return file.read_text()


@pytest.mark.usefixtures("_secrets")
def test_a_process_that_ray_starts_inherits_no_secret(tmp_path: Path) -> None:
    with withheld(SECRETS):
        inherited = environment_of_a_process_of_ray(tmp_path)
    assert "PLAIN" in inherited
    assert not [name for name in SECRETS if name in inherited]
    assert all(name in environment_of_a_process_of_ray(tmp_path) for name in SECRETS)  # what Ray does otherwise


@pytest.mark.usefixtures("_secrets")
def test_ray_tune_propagates_no_secret() -> None:
    class Trainable:
        """A class that Ray makes an actor of."""

    def propagated() -> dict[str, str]:
        actor = class_cache._ActorClassCache().get(Trainable)
        variables: dict[str, str] = actor._default_options["runtime_env"]["env_vars"]
        return variables

    with withheld(SECRETS):
        assert "AWS_SECRET_ACCESS_KEY" not in propagated()
    assert "AWS_SECRET_ACCESS_KEY" in propagated()  # what Ray Tune does otherwise


def test_the_probe_finds_its_own_two() -> None:
    """It runs where Tunehound may not be installed, and imports them itself."""
    from ray._private.node import Node
    from ray._private.worker import _global_node

    assert _global_node is None or isinstance(_global_node, Node)
    assert callable(Node.get_session_dir_path)
    assert isinstance(probe._asks_for_token(), bool)


def test_no_other_module_of_the_package_touches_private_parts_of_ray() -> None:
    clusters = Path(__file__).parents[2] / "clusters"
    private = ("ray._", "autoscaler._")
    users = {
        file.relative_to(clusters).as_posix()
        for file in clusters.rglob("*.py")
        if any(name in file.read_text() for name in private)
    }
    assert users == {"ray_internals.py", "health/probe.py"}
