"""The CPUs, GPUs and memory of this machine, determined without importing TensorFlow or Ray."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

from clusters.slots import Node
from spaces.container import free_memory_bytes, total_memory_bytes, usable_cpus

RESERVED_SHARE = 0.3
"""The share of free memory that is left to the driver and to Ray."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The processors and memory of a machine, or of the container in which this process runs."""

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
    return Machine(cpus=usable_cpus(), gpus=count_gpus(), memory_bytes=total_memory_bytes())


def this_node(*, gpus: int | None = None) -> Node:
    """Return this machine as a Ray that is started for a sweep offers it to trials; ``gpus`` if they are known."""
    memory_bytes = int((1 - RESERVED_SHARE) * free_memory_bytes())
    return Node(cpus=usable_cpus(), gpus=count_gpus() if gpus is None else gpus, memory_bytes=memory_bytes)


def count_gpus() -> int:
    """Return the number of NVIDIA GPUs that `nvidia-smi` lists."""
    if shutil.which("nvidia-smi") is None:
        return 0
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.splitlines())
