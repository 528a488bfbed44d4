"""Which machines trials would run on, found out without starting a Ray: this one, or those of a running cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from clusters.slots import Node

ADDRESS_FILE = Path("/tmp/ray/ray_current_cluster")  # noqa: S108  # where Ray itself looks for it
"""What `ray start` leaves on every machine of a cluster."""
FOR_OBJECTS = 0.3
"""Of the memory that is free when it starts, Ray sets this share aside for objects."""


def in_cluster() -> bool:
    """Whether a sweep that starts here would run on a cluster rather than on a Ray of its own."""
    return bool(os.environ.get("RAY_ADDRESS")) or ADDRESS_FILE.exists()


def this_node(*, gpus: int) -> Node:
    """This machine as Ray would count it."""
    from ray._private.utils import estimate_available_memory, get_num_cpus

    return Node(cpus=get_num_cpus(), gpus=gpus, memory_bytes=(1 - FOR_OBJECTS) * estimate_available_memory())


def cluster_nodes(*, timeout_s: float) -> tuple[Node, ...]:
    """The living nodes of the cluster that this process is in, or that RAY_ADDRESS names; none where it is not heard.

    Asked by a process of its own: Ray ends its process where a cluster does not answer.
    """
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    try:
        asked = subprocess.run(
            [sys.executable, "-P", "-m", "clusters.nodes"],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=True,
        )
        return tuple(Node(**node) for node in json.loads(asked.stdout.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return ()


def main() -> None:
    """The other process: prints the nodes as JSON."""
    import ray

    from clusters.members import living_nodes

    ray.init(address=os.environ.get("RAY_ADDRESS") or "auto", log_to_driver=False, logging_level="ERROR")
    print(json.dumps([asdict(node) for node in living_nodes()]))


if __name__ == "__main__":
    main()
