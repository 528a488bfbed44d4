"""This machine as a node, and whether another one can be reached, without starting Ray."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from clusters.slots import Node

CONNECT_S = 5.0
"""Time allowed for a connection."""
OBJECT_STORE_SHARE = 0.3
"""The share of free memory that Ray reserves for its object store when it starts."""


def this_node(*, gpus: int) -> Node:
    """Return this machine as Ray would count it."""
    from clusters.ray_internals import available_memory_bytes, machine_cpus  # here, because importing Ray is slow

    return Node(cpus=machine_cpus(), gpus=gpus, memory_bytes=(1 - OBJECT_STORE_SHARE) * available_memory_bytes())


def is_listening(address: str) -> bool:
    """Whether something accepts connections at HOST:PORT; Ray also lists services that have ended or never started."""
    parts = urlsplit(f"//{address}")
    try:
        with socket.create_connection((parts.hostname, parts.port or 0), timeout=CONNECT_S):
            return True
    except (OSError, TypeError, ValueError):
        return False
