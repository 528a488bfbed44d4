"""What a machine says of itself."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import pytest

from clusters.health.probe import at_hand, first_place, free_bytes, tensorflow_gpus, unusable, versions
from clusters.health.survey import Need
from spaces.cache import PLACES, cache_home

ASK = "import sys; from clusters.health.probe import versions; print(versions()['code'], 'tensorflow' in sys.modules)"
ROOT = Path(__file__).parents[3]


def test_versions_are_told_quickly_and_without_importing_anything() -> None:
    began = time.monotonic()
    told = versions()
    assert time.monotonic() - began < 1
    assert told["keras"] == version("keras")
    assert told["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(told) == {"python", "ray", "keras", "tensorflow", "tunehound", "code"}


def test_a_changed_source_file_gives_another_code(tmp_path: Path) -> None:
    for room in ("clusters", "clusters/health", "search"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("")
    (tmp_path / "clusters/health/probe.py").write_text((ROOT / "clusters" / "health" / "probe.py").read_text())

    def asked() -> list[str]:
        return subprocess.run(
            [sys.executable, "-c", ASK], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.split()

    first, woken = asked()
    assert [first, "False"] == asked() == [first, woken]
    (tmp_path / "search" / "__init__.py").write_text("LATER = 1\n")
    assert asked()[0] != first


def test_a_folder_can_be_used_or_the_reason_is_told(tmp_path: Path) -> None:
    assert unusable(tmp_path / "new") == ""
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_text("")
    assert "file" in unusable(tmp_path / "file" / "below")
    assert free_bytes(tmp_path / "not" / "yet") > 0


def test_the_cache_is_looked_for_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TUNEHOUND_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setenv(name, str(tmp_path / name))
        assert first_place(PLACES) == cache_home()
        monkeypatch.delenv(name)


def test_what_trials_read_is_there_or_can_be_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.delenv("HTTP_PROXY", raising=False)
    (tmp_path / "mobilenet_v2_1.0.h5").write_text("")
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there, gone = f"http://127.0.0.1:{server.server_port}", "http://127.0.0.1:1"
    for place, url, fine in [
        ("mobilenet_v2_1.0.h5", "", True),
        ("other.h5", "", False),
        ("mobilenet*v2*", gone, True),
        ("other*", gone, False),
        ("other*", there, True),
    ]:
        assert at_hand(asdict(Need(called="it", places=(f"{tmp_path}/{place}",), url=url))) == fine
    server.shutdown()
    server.server_close()


def test_a_python_without_tensorflow_counts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert tensorflow_gpus() is None
