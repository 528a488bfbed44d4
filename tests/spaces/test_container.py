"""The limits of containers, in both versions of control groups and at every level above a process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from spaces.container import free_memory_bytes, total_memory_bytes, usable_cpus

GIB = 2**30
CORES = len(os.sched_getaffinity(0))


class Group:
    """A folder of control groups, and the file that says which of them a process is in."""

    def __init__(self, root: Path, files: Mapping[str, object], membership: str = "0::/\n") -> None:
        self.places = {"root": root / "cgroup", "membership": root / "membership"}
        for name, content in files.items():
            (self.places["root"] / name).parent.mkdir(parents=True, exist_ok=True)
            (self.places["root"] / name).write_text(f"{content}\n")
        (root / "membership").write_text(membership)

    def cpus(self) -> int:
        return usable_cpus(**self.places)

    def memory(self) -> tuple[int, int]:
        return total_memory_bytes(**self.places), free_memory_bytes(**self.places)


def test_a_container_of_version_2(tmp_path: Path) -> None:
    statistics = f"anon 5\ninactive_file {GIB // 2}"
    memory = {"memory.max": 2 * GIB, "memory.current": GIB, "memory.stat": statistics}
    group = Group(tmp_path, {"cpu.max": "150000 100000", **memory})
    assert group.cpus() == 1
    assert group.memory() == (2 * GIB, 2 * GIB - GIB // 2)


def test_a_container_of_version_1_whose_path_on_the_host_it_does_not_have(tmp_path: Path) -> None:
    files = {
        "cpu/cpu.cfs_quota_us": 150000,
        "cpu/cpu.cfs_period_us": 100000,
        "memory/memory.limit_in_bytes": 2 * GIB,
        "memory/memory.usage_in_bytes": GIB,
        "memory/memory.stat": f"cache 7\ntotal_inactive_file {GIB // 4}",
    }
    group = Group(tmp_path, files, "4:memory:/docker/1a2b\n3:cpu,cpuacct:/docker/1a2b\n0::/\n")
    assert group.cpus() == 1
    assert group.memory() == (2 * GIB, 2 * GIB - 3 * GIB // 4)


def test_the_least_of_all_levels_counts(tmp_path: Path) -> None:
    files = {
        "user.slice/memory.max": 2 * GIB,
        "user.slice/memory.current": GIB,
        "user.slice/one.scope/memory.max": 8 * GIB,
        "user.slice/one.scope/memory.current": 0,
        "user.slice/one.scope/cpu.max": "max 100000",
        "user.slice/cpu.max": "50000 100000",
        "other.slice/memory.max": 1,
    }
    group = Group(tmp_path, files, "0::/user.slice/one.scope\n")
    assert group.memory() == (2 * GIB, GIB)
    assert group.cpus() == 1


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu.max": "max 100000", "memory.max": "max"},
        {"cpu/cpu.cfs_quota_us": -1, "cpu/cpu.cfs_period_us": 100000, "memory/memory.limit_in_bytes": 2**63 - 4096},
        {"cpu.max": "", "memory.max": "nonsense"},
    ],
)
def test_without_a_limit_the_machine_counts(tmp_path: Path, files: Mapping[str, object]) -> None:
    group = Group(tmp_path, files)
    assert group.cpus() == CORES
    total, free = group.memory()
    assert total == psutil.virtual_memory().total
    assert 0 < free <= total


def test_where_there_are_no_control_groups_the_machine_counts(tmp_path: Path) -> None:
    places = {"root": tmp_path / "none", "membership": tmp_path / "none"}
    assert usable_cpus(**places) == CORES
    assert total_memory_bytes(**places) == psutil.virtual_memory().total
