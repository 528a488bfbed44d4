"""Which Ray a sweep uses, and what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import ray

from clusters.session import SCRATCH, connected, scratch


def test_a_sweep_starts_its_own_ray_and_leaves_none_behind() -> None:
    with connected() as may_grow:
        assert ray.is_initialized()
        assert not may_grow
    assert not ray.is_initialized()


def test_a_ray_that_is_there_already_is_used_and_kept() -> None:
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        with connected() as may_grow:
            assert may_grow
        assert ray.is_initialized()
    finally:
        ray.shutdown()


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
