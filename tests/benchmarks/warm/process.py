"""Runs a contestant and measures what it and all its descendants cost."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_S = 0.05
LOOK_S = 0.5
"""How often processor times are read. What a process does after the last look at it is lost, so each descendant may
count up to this much too little; the contestant's own process is counted exactly."""
LINGER_S = 20.0
"""Descendants that outlive the contestant for so long are ended."""
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a contestant took."""

    started: float
    """Seconds since 1970, just before the process was made."""
    ended: float
    """When it had gone; what it left behind is not waited for."""
    cpu_s: float
    """User and system time of it and all its descendants, also of those that detached themselves."""
    exit_code: int | None
    """None where it was ended because it took too long."""


def spend(command: Sequence[str], *, folder: Path, limit_s: float, watch: Callable[[], None] = lambda: None) -> Spent:
    """Runs ``command`` with its output in ``folder/output.txt``; ``watch`` is called every `POLL_S` seconds."""
    _adopt_orphans()
    times, looked = _ProcessorTimes(), 0.0
    with (folder / "output.txt").open("wb") as output:
        started = time.time()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=_environment(), cwd=folder)
    finished = False
    try:
        while not (finished := _gone(process.pid)) and time.time() - started < limit_s:
            watch()
            if time.time() - looked > LOOK_S:
                times.look()
                looked = time.time()
            time.sleep(POLL_S)
        ended = time.time()
        times.look()  # while the dead process is not reaped, its final count can be read
    finally:  # also on Ctrl-C
        if not finished:
            process.kill()
        exit_code = process.wait()
        _end_the_rest(times)
    return Spent(started=started, ended=ended, cpu_s=times.total(), exit_code=exit_code if finished else None)


class _ProcessorTimes:
    """The last known processor time of every descendant of this process."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, float], float] = {}

    def look(self) -> None:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                self._known[process.pid, process.create_time()] = times.user + times.system

    def total(self) -> float:
        return sum(self._known.values())


def _gone(pid: int) -> bool:
    """Whether the process has ended; it is not reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _adopt_orphans() -> None:
    """Descendants whose parent dies become children of this process, so that none escapes the count (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_the_rest(times: _ProcessorTimes) -> None:
    """Waits for what a contestant left behind, ends what stays, reaps it: the next one begins on a quiet machine."""
    deadline = time.time() + LINGER_S
    while left := psutil.Process().children(recursive=True):
        times.look()
        for process in left:
            with suppress(psutil.NoSuchProcess, ChildProcessError):
                if process.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(process.pid, os.WNOHANG)
                elif time.time() > deadline:
                    process.kill()
        time.sleep(POLL_S)


def _environment() -> dict[str, str]:
    """The contestants find this package, and TensorFlow does not greet."""
    paths = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    return {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join(paths)}
