"""What is asked of a cluster, and what is found: plain data, also as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from clusters.slots import Node


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """Something that every trial reads."""

    label: str
    """Its name in messages."""
    places: tuple[str, ...]
    """Candidate paths: the first whose variable is set counts. It may be a pattern if it can be downloaded."""
    url: str = ""
    """The server that it is downloaded from if missing; empty if it cannot be downloaded."""


@dataclass(frozen=True, kw_only=True)
class SurveyRequest:
    """What to find out in addition to the nodes and their versions; nothing unless ``examine`` is set."""

    examine: bool = False
    places: tuple[str, ...] = ()
    """Candidate paths of the data cache: see `clusters.health.probe.examine`."""
    requirements: tuple[Requirement, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NodeFacts:
    """What matters to a sweep about one machine."""

    gpus: int
    """The GPUs that nvidia-smi lists."""
    tensorflow_gpus: int | None
    """The GPUs that TensorFlow sees; None if there are none to see, or it gave no answer."""
    cache: str
    """The folder of decoded data."""
    cache_fault: str
    """Why it cannot be used; empty if it can."""
    free_bytes: Mapping[str, int]
    """Free space on the disks of the cache and of Ray's folder, by folder."""
    shm_bytes: int | None
    """Size of /dev/shm; None if there is none."""
    missing: tuple[str, ...]
    """What trials read that is neither there nor available for download."""
    token: bool
    """Whether Ray requires a token."""
    kubernetes: bool


@dataclass(frozen=True, kw_only=True)
class SurveyedNode:
    """A living node of the cluster, and its answers."""

    id: str
    """Ray's id, in hexadecimal."""
    host: str
    address: str
    head: bool
    driver: bool
    """Whether the driver of a sweep that starts here runs on it."""
    has: Node
    object_store_bytes: float
    """Memory that Ray reserves for objects."""
    versions: Mapping[str, str] | None
    """See `clusters.health.probe.versions`; None if the node did not answer."""
    fault: str = ""
    """Why the node did not answer; empty if it did."""
    facts: NodeFacts | None = None
    clock_s: float | None = None
    """How far its clock is ahead of the driver's, to within ``clock_error_s``."""
    clock_error_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The state of a cluster."""

    versions: Mapping[str, str]
    """The driver's versions."""
    nodes: tuple[SurveyedNode, ...]
    startable: tuple[Node, ...] | None
    """Nodes that its autoscaler may start: see `clusters.autoscaler`."""
    dashboard: str
    """HOST:PORT that it listens on; empty if there is none."""

    @property
    def alive(self) -> tuple[Node, ...]:
        """The resources of the living nodes."""
        return tuple(node.has for node in self.nodes)


SURVEY_REQUEST, FACTS, SURVEY = TypeAdapter(SurveyRequest), TypeAdapter(NodeFacts), TypeAdapter(Survey)
"""Converters to and from JSON."""
