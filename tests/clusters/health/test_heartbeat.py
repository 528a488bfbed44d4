"""Whether a Ray that has died, or does not answer, is noticed: held against a real one, a part of which is killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psutil
import pytest
import ray

from clusters.connection.session import connect
from clusters.health import heartbeat as module
from clusters.health.heartbeat import Heartbeat
from clusters.slots import Node

SOON_S = 60.0


class Heard:
    """What a `Heartbeat` had to say."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.reasons: list[str] = []
        self.spoke, self.given_up = threading.Event(), threading.Event()

    def message(self, text: str) -> None:
        self.messages.append(text)
        self.spoke.set()

    def give_up(self, reason: str) -> None:
        self.reasons.append(reason)
        self.given_up.set()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="module")
def own_ray() -> Iterator[None]:
    with connect(here=Node(cpus=1, gpus=0, memory_bytes=10**9)):
        yield


@pytest.fixture
def health(own_ray: None, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heartbeat]:
    """Looks after a Ray of this module's own; what takes half a minute elsewhere takes some seconds."""
    for name, seconds in {"SILENT_S": 8, "STUCK_S": 6, "LEAVE_S": 3, "SUSPECT_S": 2, "REFUSALS": 2}.items():
        monkeypatch.setattr(module, name, seconds)
    found = Heartbeat(message=heard.message, give_up=heard.give_up)
    yield found
    found.stop()


def ray_process(name: str) -> psutil.Process:
    """The part of this process's Ray that is called so."""
    return next(each for each in psutil.Process().children(recursive=True) if each.name().startswith(name))


def test_a_ray_that_lives_is_left_alone_and_its_nodes_are_known(health: Heartbeat, heard: Heard) -> None:
    with health.turning():
        for _ in range(10):
            health.turn()
            assert not heard.spoke.wait(1.0)
    assert health.fault is None
    assert [member.id for member in health.members] == [ray.get_runtime_context().get_node_id()]
    assert health.free.cpus == health.members[0].node.cpus


def test_a_clock_that_is_set_is_mentioned(health: Heartbeat, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    true = time.time
    monkeypatch.setattr(time, "time", lambda: true() - 3600 * 3)
    assert heard.spoke.wait(SOON_S)
    assert heard.messages == ["This machine's clock was set back by 180 minutes; the sweep continues."]
    assert health.fault is None


def test_a_killed_control_service_is_noticed_and_a_driver_that_cannot_leave_is_ended(
    health: Heartbeat, heard: Heard
) -> None:
    ray_process("gcs_server").kill()
    assert heard.given_up.wait(SOON_S)
    assert heard.reasons == [health.fault]
    assert str(health.fault).startswith("Ray's control service (GCS) at ")
    assert str(health.fault).endswith(" is gone")
