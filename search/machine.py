"""The CPUs, GPUs and memory of this machine, determined without importing TensorFlow."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The processors and memory of a machine."""

    cpus: int
    """CPU cores available to this process."""
    gpus: int
    memory_bytes: int

    def __str__(self) -> str:
        gpus = f"{self.gpus} GPU{'' if self.gpus == 1 else 's'}" if self.gpus else "no GPU"
        cores = f"{self.cpus} CPU core{'' if self.cpus == 1 else 's'}"
        return f"{cores}, {gpus}, {self.memory_bytes / 2**30:.0f} GiB of memory"


def this_machine() -> Machine:
    """Return the machine that this process runs on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(cpus=count_cores(), gpus=count_gpus(), memory_bytes=memory)


def count_cores() -> int:
    """Return the number of CPU cores available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_gpus() -> int:
    """Return the number of NVIDIA GPUs that `nvidia-smi` lists."""
    if shutil.which("nvidia-smi") is None:
        return 0
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.splitlines())
