"""Nodes that join while a sweep runs: one with other versions would train other trials than the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from clusters.health import probe
from clusters.health.diagnose import differing
from clusters.membership import Member


class Newcomers:
    """Asks each node once for its versions, when it is first seen, and waits for none of them."""

    def __init__(self) -> None:
        self._known = {ray.get_runtime_context().get_node_id()}
        self._asked: dict[str, Any] = {}
        self._ours: Mapping[str, str] | None = None

    def unlike(self, members: Iterable[Member]) -> Member | None:
        """A node that joined and has other versions than this process, or other code; None while none is known."""
        there = {member.id: member for member in members}
        for id in there.keys() - self._known:
            self._known.add(id)
            self._asked[id] = _versions_of(id)
        for id in [id for id, asked in self._asked.items() if ray.wait([asked], timeout=0)[0]]:
            if self._differs(self._asked.pop(id)) and id in there:
                return there[id]
        return None

    def _differs(self, answer: Any) -> bool:
        self._ours = self._ours or probe.versions()
        try:
            return bool(differing(ray.get(answer), self._ours))
        except RayError:  # it is gone already
            return False


def _versions_of(node: str) -> Any:
    """What `clusters.health.probe.versions` says on a node, which may have another Tunehound, or none."""
    cloudpickle.register_pickle_by_value(probe)
    try:
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        return ray.remote(num_cpus=0, max_retries=0)(probe.versions).options(scheduling_strategy=there).remote()
    finally:
        cloudpickle.unregister_pickle_by_value(probe)
