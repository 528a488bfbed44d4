"""When a sweep ends before all its trials are done: a budget is spent, somebody asks it to, or the disk is full."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED, EXHAUSTED = "interrupted", "every configuration of the space was tried"
PATIENCE_S = 20.0
"""How long running trials are waited for once the sweep is to stop."""


class Ending:
    """Whether no more trials are handed out, and why.

    Args:
        stop_trials: tells the processes of the running trials to stop within about half a second of training.
    """

    def __init__(self, stop_trials: Callable[[], None]) -> None:
        self.reason: str | None = None
        self.early = False
        """Whether running trials were told to stop too."""
        self.failure: Exception | None = None
        """What the sweep must not go on after."""
        self._stop_trials = stop_trials
        self._asked_at = 0.0

    def no_more(self, reason: str) -> None:
        """Hands out no more trials; those that run go on to their end."""
        self.reason = self.reason or reason

    def now(self, reason: str) -> None:
        """Stops the running trials too; they can be continued later."""
        if not self.early:
            self.reason, self.early, self._asked_at = reason, True, time.monotonic()
            self._stop_trials()

    @contextmanager
    def at_failure(self) -> Iterator[None]:
        """Stops everything where the record cannot be written: what is not recorded must not go on."""
        try:
            yield
        except OSError as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Stops everything, because of what the user must mend first."""
        self.failure = self.failure or error
        self.now(getattr(error, "strerror", None) or str(error))

    def overdue(self) -> bool:
        """Whether running trials have had long enough to stop."""
        return self.early and time.monotonic() - self._asked_at > PATIENCE_S


@contextmanager
def heeded(stop: Callable[[], None]) -> Iterator[None]:
    """Calls ``stop`` on Ctrl-C, SIGTERM and SIGHUP; a second Ctrl-C ends the process at once.

    To be entered after ray.init, which sets a SIGTERM handler of its own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked and number == signal.SIGINT:
            os._exit(130)
        asked = True
        stop()

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
