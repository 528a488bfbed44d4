"""Where trials would run, found out without starting a Ray: on this machine, or on a running cluster."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from clusters.slots import Node

LISTENS_S = 5.0
"""How long a machine may take to say whether it listens."""
FOR_OBJECTS = 0.3
"""Of the memory that is free when it starts, Ray sets this share aside for objects."""


def in_cluster() -> bool:
    """Whether a sweep that starts here would run on a cluster rather than on a Ray of its own."""
    return bool(cluster_address())


def cluster_address() -> str:
    """HOST:PORT of the cluster that RAY_ADDRESS names, or that this machine is in; nothing where it is in none."""
    named = os.environ.get("RAY_ADDRESS") or (address_file().read_text() if address_file().is_file() else "")
    return "" if named == "local" else named.strip()


def address_file() -> Path:
    """What `ray start` leaves on every machine of a cluster; where Ray itself looks for it."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp", "ray", "ray_current_cluster")  # noqa: S108


def this_node(*, gpus: int) -> Node:
    """This machine as Ray would count it."""
    from ray._private.utils import estimate_available_memory, get_num_cpus

    return Node(cpus=get_num_cpus(), gpus=gpus, memory_bytes=(1 - FOR_OBJECTS) * estimate_available_memory())


def listens(place: str) -> bool:
    """Whether there is something at HOST:PORT: Ray also tells of what is gone, or was never started."""
    named = urlsplit(f"//{place}")
    try:
        with socket.create_connection((named.hostname, named.port or 0), timeout=LISTENS_S):
            return True
    except (OSError, TypeError, ValueError):
        return False
