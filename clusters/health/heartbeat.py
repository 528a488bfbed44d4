"""Whether the Ray under a sweep is alive.

Ray does not say so itself: a driver whose raylet was killed waits for ever, and one whose control service (GCS) was
killed is ended by Ray's own code after a minute, without a word. So a thread asks, since asking may take for ever too,
and another one counts how long there was no answer. It counts its own seconds instead of reading a clock: a machine
that slept, a driver that was stopped for a while and a clock that was set lost no time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

from clusters.membership import as_node, members
from clusters.nodes import listens

logger = logging.getLogger(__name__)

ASK_S = 2.0
"""Between two questions."""
DOUBTED_S = 4
"""A control service that has been silent for so long is tried every second: does it take connections at all?"""
REFUSALS = 4
"""When so many connections in a row were refused, it is gone."""
SILENT_S = 30
"""From here on a control service that takes connections and does not answer is mentioned."""
GONE_S = 300
"""After so long without an answer it is taken for dead."""
STILL_S = 40
"""How long Ray Tune's loop may take for a turn, which is a tenth of a second."""
LEAVE_S = 35
"""How long the driver may take to end in order once a part of Ray has died."""
JUMP_S = 60.0
"""A wall clock that is set by more than this is mentioned."""


class Heartbeat:
    """What is known of the Ray that this process is connected to, kept up to date until `stop`.

    Args:
        message: tells the user what they should know, from the thread.
        give_up: ends the process because the driver cannot: its main thread waits for a part of Ray that has died. Is
            called from the thread, with the reason, at the latest a minute after the death.
    """

    def __init__(self, *, message: Callable[[str], None], give_up: Callable[[str], None]) -> None:
        self._message, self._give_up = message, give_up
        context = ray.get_runtime_context()
        self._here, self._address = context.get_node_id(), context.gcs_address
        self.members = members()
        """The living nodes, as of some seconds ago at the most."""
        self.free = as_node(ray.available_resources())
        """What is free of all nodes together."""
        self.fault: str | None = None
        """What has died; None while all is well."""
        self._refused = self._silent_s = self._faulty_s = 0
        self._still_s: int | None = None
        """Seconds since the last turn of Ray Tune's loop; None while it does not run."""
        self._clock_offset_s = time.time() - time.monotonic()
        self._stopped = threading.Event()
        for task, name in ((self._ask, "ray-health-ask"), (self._watch, "ray-health-watch")):
            threading.Thread(target=task, name=name, daemon=True).start()

    def stop(self) -> None:
        """Ends the threads; the one that waits for an answer ends when it has it."""
        self._stopped.set()

    def turn(self) -> None:
        """Ray Tune's loop has turned once more."""
        self._still_s = 0

    @contextmanager
    def turning(self) -> Iterator[None]:
        """Ray Tune's loop runs, and must turn."""
        self._still_s = 0
        try:
            yield
        finally:
            self._still_s = None

    def _ask(self) -> None:
        while not self._stopped.wait(ASK_S):
            if not listens(self._address):  # Ray's own question would not come back
                continue
            try:
                seen, free = members(), as_node(ray.available_resources())
            except Exception as error:  # whatever Ray has to say while it dies; silence is what counts
                logger.info("Ray was asked for its nodes: %s", error)
                continue
            self.members, self.free, self._silent_s, self._refused = seen, free, 0, 0

    def _watch(self) -> None:
        while not self._stopped.wait(1.0):
            self._silent_s += 1
            if self._silent_s >= DOUBTED_S:
                self._refused = 0 if listens(self._address) else self._refused + 1
            self._mention_silence()
            self._mention_clock()
            if self._still_s is not None and self._silent_s < SILENT_S:
                self._still_s += 1
            if self.fault is None:
                self.fault = self._find_fault()
                continue
            self._faulty_s += 1
            if self._faulty_s >= LEAVE_S or self._is_still():
                self._stopped.set()
                self._give_up(self.fault)

    def _find_fault(self) -> str | None:
        if self._refused >= REFUSALS:
            return f"Ray's control service (GCS) at {self._address} is gone"
        if self._silent_s >= GONE_S:
            return f"Ray's control service (GCS) at {self._address} has not answered for {GONE_S} s"
        if self._here not in {member.id for member in self.members}:
            return "Ray on this machine (its raylet) has died"
        if self._is_still():
            return f"Ray has not come back to the sweep for {STILL_S} s"
        return None

    def _is_still(self) -> bool:
        return self._still_s is not None and self._still_s >= STILL_S

    def _mention_silence(self) -> None:
        if self._silent_s == SILENT_S and not self._refused:
            self._message(
                f"Ray's control service (GCS) at {self._address} has not answered for {SILENT_S} s. The sweep "
                f"waits for it, and ends in order if there is no answer within {(GONE_S - SILENT_S) / 60:.0f} minutes."
            )

    def _mention_clock(self) -> None:
        offset_s = time.time() - time.monotonic()
        jump_s, self._clock_offset_s = offset_s - self._clock_offset_s, offset_s
        if abs(jump_s) > JUMP_S:
            way = "forward" if jump_s > 0 else "back"
            self._message(f"This machine's clock was set {way} by {abs(jump_s) / 60:.0f} minutes; the sweep continues.")
