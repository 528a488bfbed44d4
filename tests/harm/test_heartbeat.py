"""A Ray that stands still or is silent for a while, and a loop that does not come back: longer than the gate waits."""

from __future__ import annotations

from clusters.health.heartbeat import Heartbeat
from tests.clusters.health.test_heartbeat import SOON_S, Heard, ray_process
from tests.clusters.health.test_heartbeat import health as health
from tests.clusters.health.test_heartbeat import heard as heard
from tests.clusters.health.test_heartbeat import own_ray as own_ray


def test_a_loop_that_stands_still_is_given_up(health: Heartbeat, heard: Heard) -> None:
    with health.turning():
        assert heard.given_up.wait(SOON_S)
    assert heard.reasons == ["Ray has not responded to the sweep for 6 s"]


def test_a_control_service_that_is_silent_is_mentioned_and_waited_for(health: Heartbeat, heard: Heard) -> None:
    service = ray_process("gcs_server")
    service.suspend()
    try:
        assert heard.spoke.wait(SOON_S)
    finally:
        service.resume()
    assert "has not answered for 8 s" in heard.messages[0]
    assert health.fault is None
