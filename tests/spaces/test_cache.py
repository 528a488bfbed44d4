"""Where the cache is: the usual folder, or another one if that cannot be written, the same for a whole sweep."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from spaces.cache import cache_home, expanded, home, keep_cache


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home and a folder for temporary files of this test."""
    for name in ("TUNEHOUND_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")  # so that it is put back
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def test_a_usual_home_is_left_alone_until_the_cache_is_used(tmp_path: Path) -> None:
    keep_cache()
    assert not os.environ["TUNEHOUND_CACHE"]
    assert not list((tmp_path / "home").iterdir())
    assert cache_home() == tmp_path / "home" / ".cache" / "tunehound"


def test_without_a_home_the_cache_outlasts_the_temporary_files_of_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    keep_cache()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    assert cache_home() == tmp_path / "tmp" / f"tunehound-{os.getuid()}"


def test_a_relative_folder_is_the_same_for_processes_in_other_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEHOUND_CACHE", "mine")
    keep_cache()
    monkeypatch.chdir("/")
    assert cache_home() == tmp_path / "mine"


def test_a_folder_that_another_user_may_have_linked_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/dev/null")
    (tmp_path / "theirs").mkdir()
    link = tmp_path / "tmp" / f"tunehound-{os.getuid()}"
    link.symlink_to(tmp_path / "theirs")
    os.chown(link, 12345, 12345, follow_symlinks=False) if os.getuid() == 0 else pytest.skip("needs root")
    assert cache_home() not in (link, tmp_path / "theirs")


def test_a_user_without_a_home_has_the_root_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "")
    assert home() == Path("/")
    assert expanded("~/cache") == Path("/cache")
    assert expanded("mine/~") == Path("mine/~")
