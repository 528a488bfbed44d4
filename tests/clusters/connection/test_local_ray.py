"""Where a Ray of one's own keeps its files, and what becomes of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusters.connection.local_ray import FOLDER, LOCK, LONGEST_SOCKET, SOCKET, local_ray, ray_folder
from tests.second_user import TMP, common_folder


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go."""
    with common_folder() as folder:
        monkeypatch.setenv("RAY_TMPDIR", str(folder))
        yield folder


def used() -> Path:
    """The folder of a Ray that was there."""
    with local_ray(cpus=1, memory_bytes=10**9) as settings:
        return Path(settings["_temp_dir"]).parent


def test_the_folders_of_runs_that_are_over_go_but_for_the_last(common: Path) -> None:
    with local_ray(cpus=1, memory_bytes=10**9) as settings:
        living = Path(settings["_temp_dir"]).parent
        first, second = used(), used()
        os.utime(first, (0, 0))
        third = used()
        assert sorted(common.iterdir()) == sorted([living, second, third])
    assert [path.name for path in living.iterdir()] == [LOCK]


def test_a_folder_that_another_user_may_have_laid_is_left_alone(common: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("of value")
    traps = [common / f"{FOLDER}{number}" for number in range(3)]
    for trap in traps:
        trap.mkdir()
        (trap / LOCK).symlink_to(kept)
        trap.chmod(0o777)
    (common / f"{FOLDER}link").symlink_to(tmp_path)
    used(), used()
    assert all(trap.is_dir() for trap in traps)
    assert kept.read_text() == "of value"


def test_the_folder_lies_where_sockets_find_room_and_nobody_can_replace_it(
    common: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ray_folder() == str(common)
    common.chmod(0o777)
    assert ray_folder() == TMP
    monkeypatch.delenv("RAY_TMPDIR")
    monkeypatch.setattr(tempfile, "tempdir", str(common))
    assert ray_folder() == TMP
    common.chmod(0o1777)
    assert ray_folder() == str(common)
    long = common / ("x" * (LONGEST_SOCKET - len(SOCKET) - len(str(common))))
    long.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(long))
    assert ray_folder() == TMP


def test_where_there_is_no_room_the_error_says_what_there_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(OSError, match=r"a path of \d+ characters at most; tried /.*RAY_TMPDIR"):
        ray_folder()
