"""How a run is told to stop: by signals to its driver."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


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
