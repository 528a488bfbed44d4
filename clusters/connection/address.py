"""Which cluster a sweep joins, and who says so."""

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
    """Where a sweep runs: decided once, before it starts."""

    address: str = ""
    """HOST:PORT of the cluster that it joins; empty where it has a Ray of its own on this machine, or of its caller."""
    named_by: str = ""
    """Who says so: RAY_ADDRESS, --address, or a file of Ray's."""
    found: bool = False
    """Whether nobody named the cluster: this machine is a node of it."""
    connected: bool = False
    """Whether this process uses a Ray already, which the sweep then uses too."""
    refused: str = ""
    """Why the cluster that Ray would have found is not joined; empty where there is none."""

    @property
    def sentence(self) -> str:
        """For the user; empty where there is nothing to say."""
        if self.connected:
            return "The sweep uses the Ray that this process is connected to."
        if self.address:
            return f"Joining the Ray cluster at {self.address}, which {self.named_by} names."
        return self.refused


def choose_cluster(address: str = "") -> ClusterChoice:
    """The cluster at ``address``, else that of RAY_ADDRESS, else the one that this machine is in, else none.

    That this machine is in a cluster is told by a file that any user can leave, and that may name a port which somebody
    else has come to use: neither counts.
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
    return _found_in(address_file())


def address_file() -> Path:
    """What `ray start` leaves on every machine of a cluster; where Ray itself looks for it."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp", "ray", "ray_current_cluster")  # noqa: S108


def _found_in(file: Path) -> ClusterChoice:
    try:
        address = read_own(file)
        if not HOST_AND_PORT.fullmatch(address):
            raise ForeignError(f"{file} holds no HOST:PORT")
        named = urlsplit(f"//{address}")
        check_listeners(str(named.hostname), named.port or 0)
    except FileNotFoundError:
        return ClusterChoice()
    except (ForeignError, ValueError) as error:
        refused = f"The sweep runs on this machine alone, not on the Ray cluster that {file} names: {error}."
        return ClusterChoice(refused=f"{refused} If that cluster is meant, set RAY_ADDRESS=HOST:PORT.")
    return ClusterChoice(address=address, named_by=str(file), found=True)


def _is_connected() -> bool:
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())
