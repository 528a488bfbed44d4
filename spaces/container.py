"""The CPUs and the memory that this process may use: the machine's, or less if a container or its user limits them.

Limits are those of the control groups that the process is in (Docker, Kubernetes, systemd, Slurm), in both versions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path("/sys/fs/cgroup")
"""Where Linux shows the control groups."""
MEMBERSHIP = Path("/proc/self/cgroup")
"""The groups of this process, a line per hierarchy: ``4:memory:/docker/1a2b``; that of version 2 is ``0::/docker``."""


def usable_cpus(*, root: Path = ROOT, membership: Path = MEMBERSHIP) -> int:
    """Return how many CPU cores this process may keep busy, at least 1: a limit of 1.5 is 1 whole core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([cores, *_cpu_quotas(root, membership)])))


def total_memory_bytes(*, root: Path = ROOT, membership: Path = MEMBERSHIP) -> int:
    """Return how much memory this process and those that it starts may use together."""
    limits = (limit for limit, _ in _memory_limits(root, membership))
    return min([int(psutil.virtual_memory().total), *limits])


def free_memory_bytes(*, root: Path = ROOT, membership: Path = MEMBERSHIP) -> int:
    """Return how much of that is not in use; the caches of files, which make room when needed, count as free."""
    left = (max(0, limit - used) for limit, used in _memory_limits(root, membership))
    return min([int(psutil.virtual_memory().available), *left])


def _cpu_quotas(root: Path, membership: Path) -> Iterator[float]:
    """Yield the quota of every group of this process that has one, in CPUs."""
    for folder in _groups(root, membership, controller="cpu"):
        with suppress(OSError, ValueError):
            quota, period = (folder / "cpu.max").read_text().split()
            yield int(quota) / int(period)  # fails if the quota is "max"
        with suppress(OSError, ValueError):
            quota_us, period_us = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
            if quota_us > 0:
                yield quota_us / period_us


def _memory_limits(root: Path, membership: Path) -> Iterator[tuple[int, int]]:
    """Yield limit and use of every group of this process that has a limit, in bytes."""
    for folder in _groups(root, membership, controller="memory"):
        for limit, used, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            with suppress(OSError, ValueError):
                allowed = int((folder / limit).read_text())  # fails if it is "max"
                yield allowed, _in_use(folder, used, cache)


def _in_use(folder: Path, used: str, cache: str) -> int:
    """Return the memory that a group uses, without the caches that make room when needed; 0 if it is not shown."""
    in_use = int((folder / used).read_text()) if (folder / used).is_file() else 0
    statistics = (folder / "memory.stat").read_text().split() if (folder / "memory.stat").is_file() else []
    return in_use - int(statistics[statistics.index(cache) + 1]) if cache in statistics else in_use


def _groups(root: Path, membership: Path, *, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's groups that may limit it, each with its parents up to the root.

    A container may be shown the path of its group on the host, which it does not have: then the root is its own.
    """
    places = {root: "/", root / controller: "/"}
    with suppress(OSError):
        for line in membership.read_text().splitlines():
            _, names, path = line.split(":", 2)
            if not names:
                places[root] = path
            elif controller in names.split(","):
                places[root / controller] = path
    for top, path in places.items():
        folder = top / path.strip("/")
        yield from (place for place in (folder, *folder.parents) if place.is_relative_to(top) and place.is_dir())
