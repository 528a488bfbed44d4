"""Which cluster a sweep joins, and why."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from clusters.connection.ownership import ForeignError, check_listeners, read_own

HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[\w.-]+):\d{1,5}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ClusterChoice:
    """Where a sweep runs, decided once before it starts."""

    address: str = ""
    """HOST:PORT of the cluster to join; empty for a local Ray, the sweep's own or its caller's."""
    named_by: str = ""
    """What gives the address: RAY_ADDRESS, --address, or a file of Ray's."""
    found: bool = False
    """Whether nobody named the cluster, but this machine is a node of it."""
    connected: bool = False
    """Whether this process is already connected to a Ray, which the sweep then uses."""
    rejection: str = ""
    """Why the cluster that Ray would have found is not joined; empty if there is none."""

    @property
    def message(self) -> str:
        """A sentence for the user; empty if there is nothing to say."""
        if self.connected:
            return "Using the Ray that this process is already connected to."
        if self.address:
            return f"Joining the Ray cluster at {self.address} (from {self.named_by})."
        return self.rejection


def choose_cluster(address: str = "") -> ClusterChoice:
    """Choose the cluster at ``address``, else that of RAY_ADDRESS, else the one that this machine is in, else none.

    A file that any user can write says that this machine is in a cluster, and the port in it may be another user's by
    now. Neither a file nor a port of another user counts.
    """
    if address:
        return ClusterChoice(address=address, named_by="--address")
    if _is_connected():
        return ClusterChoice(connected=True)
    named = os.environ.get("RAY_ADDRESS", "").strip()
    if named == "local":
        return ClusterChoice()
    if named and named != "auto":
        return ClusterChoice(address=named, named_by="RAY_ADDRESS")
    return _from_file(address_file())


def address_file() -> Path:
    """Return the file that `ray start` leaves on every machine of a cluster, where Ray itself looks for it."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp", "ray", "ray_current_cluster")  # noqa: S108


def _from_file(file: Path) -> ClusterChoice:
    try:
        address = read_own(file)
        if not HOST_AND_PORT.fullmatch(address):
            raise ForeignError(f"{file} does not hold HOST:PORT")
        named = urlsplit(f"//{address}")
        check_listeners(str(named.hostname), named.port or 0)
    except FileNotFoundError:
        return ClusterChoice()
    except (ForeignError, ValueError) as error:
        rejection = f"Running on this machine alone, not on the Ray cluster named in {file}: {error}."
        return ClusterChoice(rejection=f"{rejection} To use that cluster anyway, set RAY_ADDRESS=HOST:PORT.")
    return ClusterChoice(address=address, named_by=str(file), found=True)


def _is_connected() -> bool:
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())
