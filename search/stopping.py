"""How a run is told to stop: by signals to its driver, and from there to every process that trains for it."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import ray

from search.record import RunInfo
from trainables.trial import StopSignal


@contextmanager
def stop_signal(run: RunInfo) -> Iterator[tuple[str, Callable[[], None]]]:
    """A signal that every process of the run waits on; yields its name, and what sets it."""
    name = f"tunehound-stop-{run.id}-{secrets.token_hex(4)}"  # of its own: the search's may not be gone yet
    actor = ray.remote(num_cpus=0, max_concurrency=100_000)(StopSignal).options(name=name).remote()
    try:
        yield name, lambda: actor.set.remote() and None
    finally:
        ray.kill(actor)


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
