"""Checks the versions of nodes that join while a sweep runs: with others, trials would not be comparable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from clusters.health import probe
from clusters.health.diagnose import differing_packages
from clusters.membership import Member


class VersionWatch:
    """Asks each new node for its versions once, without waiting for the answer."""

    def __init__(self) -> None:
        self._known = {ray.get_runtime_context().get_node_id()}
        self._asked: dict[str, Any] = {}
        self._ours: Mapping[str, str] | None = None

    def mismatch(self, members: Iterable[Member]) -> Member | None:
        """Return a node that joined with versions or code other than this process's; None if none is known."""
        living = {member.id: member for member in members}
        for id in living.keys() - self._known:
            self._known.add(id)
            self._asked[id] = _versions_of(id)
        for id in [id for id, asked in self._asked.items() if ray.wait([asked], timeout=0)[0]]:
            if self._differs(self._asked.pop(id)) and id in living:
                return living[id]
        return None

    def _differs(self, answer: Any) -> bool:
        self._ours = self._ours or probe.versions()
        try:
            return bool(differing_packages(ray.get(answer), self._ours))
        except RayError:  # it has left already
            return False


def _versions_of(node: str) -> Any:
    """Ask for the versions of a node, which may have another Tunehound, or none."""
    cloudpickle.register_pickle_by_value(probe)
    try:
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        return ray.remote(num_cpus=0, max_retries=0)(probe.versions).options(scheduling_strategy=there).remote()
    finally:
        cloudpickle.unregister_pickle_by_value(probe)
