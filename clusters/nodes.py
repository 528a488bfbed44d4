"""This machine as a node, and whether another one can be reached; found out without starting a Ray."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from clusters.slots import Node

LISTENS_S = 5.0
"""How long a machine may take to say whether it listens."""
FOR_OBJECTS = 0.3
"""Of the memory that is free when it starts, Ray sets this share aside for objects."""


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
