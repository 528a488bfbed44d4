"""Other users' files and processes are told from one's own, whatever they look like."""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address
from pathlib import Path

import pytest

from clusters.connection import ownership
from clusters.connection.ownership import ForeignError, check_listeners, is_guarded, read_own
from tests.second_user import NOBODY, needs_root, nobody_listens


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """In a folder that is writable for all, as Ray makes them."""
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray").chmod(0o777)
    (tmp_path / "ray" / "named").write_text("10.0.0.1:6379\n")
    return tmp_path / "ray" / "named"


def test_a_file_of_ones_own_is_read(file: Path) -> None:
    assert read_own(file) == "10.0.0.1:6379"
    with pytest.raises(FileNotFoundError):
        read_own(file.with_name("none"))
    with pytest.raises(FileNotFoundError):
        read_own(file / "below")


@needs_root
def test_what_another_user_owns_is_not_read(file: Path) -> None:
    os.chown(file, NOBODY, NOBODY)
    with pytest.raises(ForeignError, match="ray/named belongs to the user nobody"):
        read_own(file)
    os.chown(file, 0, 0)
    os.chown(file.parent, NOBODY, NOBODY)
    with pytest.raises(ForeignError, match="ray belongs to the user nobody"):
        read_own(file)


def test_what_others_can_have_written_or_brought_is_not_read(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    with pytest.raises(ForeignError, match="symbolic link"):
        read_own(link)
    with pytest.raises(ForeignError, match="no ordinary file"):
        read_own(file.parent)
    file.chmod(0o666)
    with pytest.raises(ForeignError, match="other users"):
        read_own(file)
    file.chmod(0o644)
    os.link(file, file.with_name("twin"))
    with pytest.raises(ForeignError, match="other users"):
        read_own(file)


def test_a_folder_in_which_others_can_replace_things_is_not_guarded(tmp_path: Path) -> None:
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    assert is_guarded(inner)
    inner.parent.chmod(0o777)
    assert not is_guarded(inner)
    inner.parent.chmod(0o1777)
    assert is_guarded(inner)
    assert not is_guarded(inner / "none")


def test_a_port_of_ones_own_is_passed_and_one_where_nothing_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        check_listeners("127.0.0.1", port)
        check_listeners("localhost", port)
    with pytest.raises(ForeignError, match="nothing listens"):
        check_listeners("127.0.0.1", port)
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        check_listeners("127.0.0.1", server.getsockname()[1])
    check_listeners("192.0.2.254", 6379)  # on another machine, whose users are not known here


@needs_root
def test_a_port_at_which_another_users_process_listens_is_refused() -> None:
    with nobody_listens() as port, pytest.raises(ForeignError, match="belongs to the user nobody"):
        check_listeners("127.0.0.1", port)


def test_sockets_are_read_as_the_kernel_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heading = "sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode\n"
    ours = "0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 1000 0 1\n1: 0200A8C0:1F90 00000000:0000 01 0:0 0:0 0 7 0 1\n"
    mapped = "0: 0000000000000000FFFF00000100007F:1F91 0:0 0A 0:0 0:0 0 65534 0 1\n"
    tables = tmp_path / "tcp", tmp_path / "tcp6"
    tables[0].write_text(heading + ours)
    tables[1].write_text(heading + mapped)
    monkeypatch.setattr(ownership, "SOCKETS", tables)
    monkeypatch.setattr("sys.byteorder", "little")
    here = ip_address("127.0.0.1")
    assert list(ownership._listeners()) == [(here, 0x1F90, 1000), (here, 0x1F91, 65534)]
    monkeypatch.setattr(ownership, "SOCKETS", (tmp_path / "none",))
    with pytest.raises(ForeignError, match="cannot be known"):
        check_listeners("127.0.0.1", 0x1F90)
