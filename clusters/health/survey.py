"""What is asked of a cluster, and what was seen of it: plain data, also as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from clusters.slots import Node


@dataclass(frozen=True, kw_only=True)
class Need:
    """Something that every trial reads."""

    called: str
    """How it is told to people."""
    places: tuple[str, ...]
    """Where it lies: the first of these names whose variable is set. One that can be downloaded may be a pattern."""
    url: str = ""
    """Of the server from which it is downloaded where it is not there; empty where that is not done."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be found out beside the nodes and their versions; nothing more where ``examine`` is not set."""

    examine: bool = False
    places: tuple[str, ...] = ()
    """Names of the data cache's folder: see `clusters.health.probe.examine`."""
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What matters to a sweep about a machine."""

    gpus: int
    """NVIDIA's, as their own tool lists them."""
    tensorflow_gpus: int | None
    """Those that TensorFlow sees; None where there are none to see, or it gave no answer."""
    cache: str
    """The folder of decoded data."""
    cache_fault: str
    """Why it cannot be used; empty where it can."""
    free_bytes: Mapping[str, int]
    """Of the disks below the cache and Ray's own folder, by folder."""
    shm_bytes: int | None
    """Size of /dev/shm; None where there is none."""
    missing: tuple[str, ...]
    """Of what trials read: what is neither there nor to be had."""
    token: bool
    """Whether Ray asks for a token."""
    kubernetes: bool


@dataclass(frozen=True, kw_only=True)
class SeenNode:
    """A living node of the cluster, and what it answered."""

    id: str
    """Ray's, in hexadecimal."""
    host: str
    address: str
    head: bool
    driver: bool
    """Whether a sweep that starts here is driven there."""
    has: Node
    object_store_bytes: float
    """Memory that Ray keeps for objects."""
    versions: Mapping[str, str] | None
    """See `clusters.health.probe.versions`; None where the node did not answer."""
    fault: str = ""
    """Why not."""
    facts: Facts | None = None
    clock_s: float | None = None
    """How far its clock is ahead of the driver's; the true value lies within ``clock_error_s``."""
    clock_error_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A cluster as it was found."""

    versions: Mapping[str, str]
    """Those of the driver."""
    nodes: tuple[SeenNode, ...]
    startable: tuple[Node, ...] | None
    """Nodes that its autoscaler may start: see `clusters.autoscaler`."""
    dashboard: str
    """HOST:PORT where it listens; empty where there is none."""

    @property
    def alive(self) -> tuple[Node, ...]:
        """What the living nodes have."""
        return tuple(node.has for node in self.nodes)


WISH, FACTS, SURVEY = TypeAdapter(Wish), TypeAdapter(Facts), TypeAdapter(Survey)
"""To and from JSON."""
