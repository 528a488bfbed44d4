"""What Ray keeps to itself is where we look for it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ray._private.authentication.authentication_utils import is_token_auth_enabled
from ray._private.services import resolve_ip_for_localhost

from clusters.connection.ray_internals import look_for_token, on_loopback, read_authentication_again


def test_a_ray_can_be_told_to_stay_on_the_loopback() -> None:
    outside = resolve_ip_for_localhost("127.0.0.1")
    with on_loopback():
        assert resolve_ip_for_localhost("127.0.0.1") == "127.0.0.1"
    assert resolve_ip_for_localhost("127.0.0.1") == outside
    assert socket.inet_aton(outside)


def test_ray_takes_notice_of_another_way_to_authenticate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    with monkeypatch.context() as patch:
        for mode in ("token", "disabled", "token"):
            patch.setenv("RAY_AUTH_MODE", mode)
            read_authentication_again()
            assert is_token_auth_enabled() == (mode == "token")
        patch.delenv("RAY_AUTH_MODE")
        read_authentication_again()
        look_for_token()
        assert not is_token_auth_enabled()
        patch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
        (tmp_path / "token").write_text("f" * 64)
        read_authentication_again()
        look_for_token()
        assert is_token_auth_enabled()
        patch.delenv("RAY_AUTH_MODE")  # it was set for the processes to come
    read_authentication_again()
