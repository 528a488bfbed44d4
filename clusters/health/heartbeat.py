"""Whether the Ray under a sweep is alive.

Ray does not report this itself: a driver whose raylet was killed waits forever, and one whose control service (GCS) was
killed is terminated by Ray's own code after a minute, without a message. So one thread asks, because asking may also
take forever, and another one counts how long there has been no answer. It counts its own seconds instead of reading a
clock, so that a suspended machine, a stopped driver and an adjusted clock cause no false alarm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

from clusters.membership import as_node, members
from clusters.nodes import is_listening

logger = logging.getLogger(__name__)

ASK_S = 2.0
"""Time between two questions."""
SUSPECT_S = 4
"""After this much silence, the control service is probed every second: does it accept connections at all?"""
REFUSALS = 4
"""After this many refused connections in a row, it is gone."""
SILENT_S = 30
"""After this much silence, a control service that accepts connections is mentioned to the user."""
GONE_S = 300
"""After this much silence, it is considered dead."""
STUCK_S = 40
"""How long one iteration of Ray Tune's loop may take; usually it is a tenth of a second."""
LEAVE_S = 35
"""How long the driver may take to shut down cleanly once a part of Ray has died."""
JUMP_S = 60.0
"""A larger adjustment of the wall clock is mentioned to the user."""


class Heartbeat:
    """The state of the Ray that this process is connected to, kept up to date until `stop`.

    Args:
        message: shows a message to the user; called from a thread.
        give_up: ends the process, which the main thread cannot do while it waits for a dead part of Ray. Called from a
            thread, with the reason, at the latest a minute after the death.
    """

    def __init__(self, *, message: Callable[[str], None], give_up: Callable[[str], None]) -> None:
        self._message, self._give_up = message, give_up
        context = ray.get_runtime_context()
        self._here, self._address = context.get_node_id(), context.gcs_address
        self.members = members()
        """The living nodes, at most a few seconds old."""
        self.free = as_node(ray.available_resources())
        """The free resources of all nodes together."""
        self.fault: str | None = None
        """What has died; None while all is well."""
        self._refused = self._silent_s = self._faulty_s = 0
        self._stuck_s: int | None = None
        """Seconds since the last iteration of Ray Tune's loop; None while it does not run."""
        self._clock_offset_s = time.time() - time.monotonic()
        self._stopped = threading.Event()
        for task, name in ((self._ask, "ray-health-ask"), (self._watch, "ray-health-watch")):
            threading.Thread(target=task, name=name, daemon=True).start()

    def stop(self) -> None:
        """Stop the threads; one that is waiting for an answer stops after it."""
        self._stopped.set()

    def turn(self) -> None:
        """Note an iteration of Ray Tune's loop."""
        self._stuck_s = 0

    @contextmanager
    def turning(self) -> Iterator[None]:
        """Expect iterations of Ray Tune's loop inside the block."""
        self._stuck_s = 0
        try:
            yield
        finally:
            self._stuck_s = None

    def _ask(self) -> None:
        while not self._stopped.wait(ASK_S):
            if not is_listening(self._address):  # the question to Ray would never return
                continue
            try:
                seen, free = members(), as_node(ray.available_resources())
            except Exception as error:  # whatever Ray raises while it dies; only the silence counts
                logger.info("Ray did not list its nodes: %s", error)
                continue
            self.members, self.free, self._silent_s, self._refused = seen, free, 0, 0

    def _watch(self) -> None:
        while not self._stopped.wait(1.0):
            self._silent_s += 1
            if self._silent_s >= SUSPECT_S:
                self._refused = 0 if is_listening(self._address) else self._refused + 1
            self._mention_silence()
            self._mention_clock()
            if self._stuck_s is not None and self._silent_s < SILENT_S:
                self._stuck_s += 1
            if self.fault is None:
                self.fault = self._find_fault()
                continue
            self._faulty_s += 1
            if self._faulty_s >= LEAVE_S or self._is_stuck():
                self._stopped.set()
                self._give_up(self.fault)

    def _find_fault(self) -> str | None:
        if self._refused >= REFUSALS:
            return f"Ray's control service (GCS) at {self._address} is gone"
        if self._silent_s >= GONE_S:
            return f"Ray's control service (GCS) at {self._address} has not answered for {GONE_S} s"
        if self._here not in {member.id for member in self.members}:
            return "Ray on this machine (its raylet) has died"
        if self._is_stuck():
            return f"Ray has not responded to the sweep for {STUCK_S} s"
        return None

    def _is_stuck(self) -> bool:
        return self._stuck_s is not None and self._stuck_s >= STUCK_S

    def _mention_silence(self) -> None:
        if self._silent_s == SILENT_S and not self._refused:
            self._message(
                f"Ray's control service (GCS) at {self._address} has not answered for {SILENT_S} s. The sweep "
                f"keeps waiting, and stops cleanly if there is no answer in {(GONE_S - SILENT_S) / 60:.0f} minutes."
            )

    def _mention_clock(self) -> None:
        offset_s = time.time() - time.monotonic()
        jump_s, self._clock_offset_s = offset_s - self._clock_offset_s, offset_s
        if abs(jump_s) > JUMP_S:
            way = "forward" if jump_s > 0 else "back"
            self._message(f"This machine's clock was set {way} by {abs(jump_s) / 60:.0f} minutes; the sweep continues.")
