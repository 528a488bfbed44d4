"""A sweep that cannot write is refused before it starts, and a disk that is full is named."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

import search.disk as module
from search.disk import check_disks, describe_failure, describe_full_disk, temporary_files
from spaces.problem import InputError


def test_a_folder_for_runs_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=rf"you can write to; got {tmp_path}/file, which is not\n.*--runs DIR"):
        check_disks(tmp_path / "file" / "runs")
    check_disks(tmp_path / "new" / "runs")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_disk_without_room_is_refused_with_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_FREE_BYTES", 1 << 60)
    with pytest.raises(
        InputError, match=rf"the disk at /.*, with {tmp_path}/runs, .*is full \(.* free\)\n.*--runs DIR"
    ):
        check_disks(tmp_path / "runs")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_the_disk_of_the_file_that_could_not_be_written_is_named(tmp_path: Path, number: int) -> None:
    told = describe_full_disk(OSError(number, os.strerror(number), "/dev/shm/x"), directory=tmp_path)  # noqa: S108
    assert told.startswith("the disk at /dev/shm, with /dev/shm/x, ")
    assert "is full (" in told


def test_without_a_file_the_fullest_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {str(tmp_path / "run"): 2, os.environ["TUNEHOUND_CACHE"]: 1}
    monkeypatch.setattr(module, "free_bytes", lambda place: free.get(str(place), 3))
    told = describe_full_disk(OSError(errno.ENOSPC, "full"), directory=tmp_path / "run")
    assert f"with {os.environ['TUNEHOUND_CACHE']}, is full (0.0 MB free)" in told


def test_other_failures_are_told_as_they_are() -> None:
    assert describe_failure(OSError(errno.EACCES, "Permission denied", "/x")) == "[Errno 13] Permission denied: '/x'"


def test_where_no_file_can_be_written_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/dev/null"])
    with (
        pytest.raises(InputError, match=r"must be writable; got No usable temporary directory.*\n.*set TMPDIR"),
        temporary_files(),
    ):
        pass
