"""What is not needed later does not stay, whoever made it and however it ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from clusters.tempdirs import SCRATCH, scratch, temporary_files


def test_the_scratch_folder_goes_and_so_does_that_of_a_killed_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    left, used = tmp_path / f"{SCRATCH}{killed.pid}-ab", tmp_path / f"{SCRATCH}{os.getppid()}-cd"
    for folder in (left, used):
        (folder / "tune").mkdir(parents=True)
    with scratch() as folder:
        assert Path(folder).is_dir()
        assert not left.exists()
    assert list(tmp_path.iterdir()) == [used]


def test_temporary_files_of_killed_processes_go_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    leave = "import os, tempfile; print(tempfile.mkdtemp()); os._exit(9)"
    with temporary_files():
        left = subprocess.run([sys.executable, "-c", leave], capture_output=True, text=True).stdout.strip()
        assert Path(left).is_dir()
        assert tmp_path in Path(left).parents
        assert tmp_path in Path(tempfile.mkdtemp()).parents
        assert os.environ["RAY_TMPDIR"] == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert tempfile.tempdir == str(tmp_path)
    assert "RAY_TMPDIR" not in os.environ
