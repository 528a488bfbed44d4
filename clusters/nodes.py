"""Whether another machine can be reached, without starting Ray."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

CONNECT_S = 5.0
"""Time allowed for a connection."""


def is_listening(address: str) -> bool:
    """Whether something accepts connections at HOST:PORT; Ray also lists services that have ended or never started."""
    parts = urlsplit(f"//{address}")
    try:
        with socket.create_connection((parts.hostname, parts.port or 0), timeout=CONNECT_S):
            return True
    except (OSError, TypeError, ValueError):
        return False
