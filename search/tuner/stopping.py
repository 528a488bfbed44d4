"""Stopping a sweep before all its trials are done: a budget is spent, the user interrupts it, or the disk is full."""

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
"""Seconds that running trials get to save their state once the sweep must stop."""


class Stopping:
    """Whether the sweep stops starting trials, and why.

    Args:
        stop_trials: makes the processes of the running trials stop within about half a second of training.
    """

    def __init__(self, stop_trials: Callable[[], None]) -> None:
        self.reason: str | None = None
        self.early = False
        """Whether the running trials were stopped too."""
        self.failure: Exception | None = None
        """The error after which the sweep must not continue."""
        self._stop_trials = stop_trials
        self._asked_at = 0.0

    def no_more(self, reason: str) -> None:
        """Start no more trials; those that run train to their end."""
        self.reason = self.reason or reason

    def now(self, reason: str) -> None:
        """Stop the running trials too; they can be resumed later."""
        if not self.early:
            self.reason, self.early, self._asked_at = reason, True, time.monotonic()
            self._stop_trials()

    @contextmanager
    def at_failure(self) -> Iterator[None]:
        """Stop everything if the record cannot be written: what is not recorded must not continue."""
        try:
            yield
        except OSError as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Stop everything because of an error that the user must fix first."""
        self.failure = self.failure or error
        self.now(getattr(error, "strerror", None) or str(error))

    def overdue(self) -> bool:
        """Return whether the running trials have had enough time to stop."""
        return self.early and time.monotonic() - self._asked_at > PATIENCE_S


@contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on Ctrl-C, SIGTERM and SIGHUP; a second Ctrl-C ends the process at once.

    Enter it after ray.init, which sets its own SIGTERM handler.
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
