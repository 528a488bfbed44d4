"""What stands in the place of a file is said, and nothing is waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spaces.file.content import content_of
from spaces.problem import InputError


def refused(path: Path, **options: int) -> str:
    with pytest.raises(InputError) as caught:
        content_of(path, **options)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_file_is_read_from_where_it_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"first\nsecond\n")
    (tmp_path / "link").symlink_to("file")
    assert content_of(tmp_path / "link") == b"first\nsecond\n"
    assert content_of(tmp_path / "file", start=6) == b"second\n"


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "nowhere").symlink_to("/nowhere/at/all")
    assert "a pipe or a device" in refused(tmp_path / "pipe")
    assert "a pipe or a device" in refused(tmp_path / "device")
    assert "leads to itself" in refused(tmp_path / "circle")
    assert "no such file" in refused(tmp_path / "nowhere")
    assert "a folder, not a file" in refused(tmp_path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(10**12)
    assert "4,000,000 bytes at most; got 1,000,000,000,000 bytes" in refused(tmp_path / "huge")
    assert "1,000 bytes at most" in refused(tmp_path / "huge", most_bytes=1_000)
