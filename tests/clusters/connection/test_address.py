"""Which cluster is joined: the one that is named, or the one that this user or root has made known here."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusters.connection.address import ClusterChoice, choose_cluster
from tests.second_user import as_nobody, common_folder, needs_root, nobody_listens

PLANT = """
file = pathlib.Path(sys.argv[1], "ray", "ray_current_cluster")
file.parent.mkdir(exist_ok=True)
file.parent.chmod(0o777)
file.write_text(sys.argv[2])
"""


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where Ray's files are looked for."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with common_folder() as folder:
        monkeypatch.setenv("RAY_TMPDIR", str(folder))
        yield folder


def named(folder: Path, address: str) -> Path:
    """As `ray start` does it."""
    (folder / "ray").mkdir(exist_ok=True)
    (folder / "ray").chmod(0o777)
    (folder / "ray" / "ray_current_cluster").write_text(address)
    return folder / "ray" / "ray_current_cluster"


def test_a_cluster_is_named_by_the_command_or_the_environment_or_by_ray(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose_cluster() == ClusterChoice()
    file = named(folder, "192.0.2.254:6379\n")
    found = choose_cluster()
    assert (found.address, found.named_by, found.found) == ("192.0.2.254:6379", str(file), True)
    assert found.sentence == f"Joining the Ray cluster at 192.0.2.254:6379, which {file} names."
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert choose_cluster() == found
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.2:6379")
    assert choose_cluster().sentence == "Joining the Ray cluster at 10.0.0.2:6379, which RAY_ADDRESS names."
    assert choose_cluster("10.0.0.3:6379") == ClusterChoice(address="10.0.0.3:6379", named_by="--address")
    monkeypatch.setenv("RAY_ADDRESS", "local")
    assert choose_cluster() == ClusterChoice()


def test_a_cluster_on_this_machine_is_joined_while_it_lives(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        named(folder, address)
        assert choose_cluster().address == address
    gone = choose_cluster()
    assert not gone.address
    assert f"nothing listens at {address}" in gone.refused
    for nonsense in ("\x1b[2J", "127.0.0.1", "127.0.0.1:99999", "ray://127.0.0.1:1"):
        named(folder, nonsense)
        assert not choose_cluster().address
        assert nonsense not in choose_cluster().refused


@needs_root
def test_a_cluster_of_another_user_is_not_joined_and_the_user_is_told(folder: Path) -> None:
    with nobody_listens() as port:
        as_nobody(PLANT, folder, f"127.0.0.1:{port}")
        choice = choose_cluster()
        assert not choice.address
        assert choice.sentence.startswith("The sweep runs on this machine alone")
        assert "ray_current_cluster belongs to the user nobody" in choice.sentence
        os.chown(folder / "ray" / "ray_current_cluster", 0, 0)
        assert "ray belongs to the user nobody" in choose_cluster().sentence
        os.chown(folder / "ray", 0, 0)
        assert "the process that listens at 127.0.0.1:" in choose_cluster().sentence
