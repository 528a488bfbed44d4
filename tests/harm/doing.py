"""Does harm to real sweeps: drives them as a user does, waits for a moment, and kills whom the moment asks for.

Moments are counted in what the sweep has done, not in seconds, so that they are the same on any machine.
"""

from __future__ import annotations

import csv
import os
import random
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.search.commands import command, environment

SOON_S, LATE_S = 30.0, 300.0
"""How long anything is waited for that should be quick, and anything that takes training."""
ORPHANS_S = 120.0
"""How long what a driver started may outlive it: for a minute, Ray's agents look for the master that died with it."""


@dataclass(frozen=True)
class Driver:
    """A `tunehound` command at work, in a session of its own."""

    process: subprocess.Popen[bytes]
    file: Path

    @property
    def said(self) -> str:
        """What it wrote so far, to stdout and stderr."""
        return self.file.read_text(errors="replace")

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None


@contextmanager
def driven(*arguments: str | Path, cwd: Path) -> Iterator[Driver]:
    """A command at work. Whatever is left of it at the end is killed, so that no test leaves anything behind."""
    file = cwd / f"said-{secrets.token_hex(4)}.txt"
    with file.open("wb") as said:
        process = subprocess.Popen(
            command(*arguments),
            cwd=cwd,
            env=environment(cwd),
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    driver = Driver(process, file)
    try:
        yield driver
    finally:
        power_off(driver)


def ended(driver: Driver, *, within_s: float = LATE_S) -> int:
    """Waits for the end of a command; its exit code."""
    try:
        return driver.process.wait(within_s)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"still at work after {within_s:g} s; it said:\n{driver.said}") from None


def until(
    condition: Callable[[], object], *, of: Driver | None = None, within_s: float = LATE_S, every_s: float = 0.05
) -> None:
    """Waits for a condition, which must come true before the command ``of`` has ended."""
    deadline = time.monotonic() + within_s
    while not condition():
        said = "" if of is None else f"; it said:\n{of.said}"
        assert time.monotonic() < deadline, f"waited for {within_s:g} s in vain{said}"
        assert of is None or not of.over or condition(), f"ended too early{said}"
        time.sleep(every_s)


def crew(driver: Driver) -> list[psutil.Process]:
    """The living processes that a driver started, also after its own death."""
    return [process for process in psutil.process_iter() if _started_by(process, driver.process.pid)]


def trainers(driver: Driver) -> list[psutil.Process]:
    """Those of them that train."""
    return [process for process in crew(driver) if "Trainable" in _called(process)]


def kill(victims: list[psutil.Process]) -> None:
    """``kill -9`` of each."""
    for victim in victims:
        with suppress(psutil.NoSuchProcess):
            victim.kill()


def kill_while_it_writes(checkpoint: Path, driver: Driver) -> None:
    """Kills the processes that train when a checkpoint is half written, and the one before it is whole."""
    until(lambda: _caught_writing(checkpoint, trainers(driver)), of=driver, every_s=0)


def _caught_writing(checkpoint: Path, victims: list[psutil.Process], *, patience_s: float = 1.0) -> bool:
    def writes() -> bool:
        return (checkpoint / "state.npz").exists() and (checkpoint / ".state.npz.new").exists()

    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if not writes():
            time.sleep(0.0005)
            continue
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.suspend()
        if writes():
            kill(victims)
            return True
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.resume()
    return False


def power_off(driver: Driver) -> None:
    """``kill -9`` of the driver and of all that it started: what is left when a machine dies."""
    driver.process.kill()
    until(lambda: kill(crew(driver)) or not crew(driver), within_s=SOON_S)
    driver.process.wait()


def cut_off(driver: Driver) -> None:
    """``kill -9`` of the driver alone. What it started is on its own; what trains must notice soon."""
    driver.process.kill()
    driver.process.wait()
    until(lambda: not trainers(driver), within_s=SOON_S)


def vanished(driver: Driver) -> None:
    """Waits until nothing is left of a driver that has ended."""
    until(lambda: driver.over and not crew(driver), within_s=ORPHANS_S)


@dataclass(frozen=True)
class Moment:
    """When a driver is killed, and how."""

    records: int
    """So many after its start were added to the journal; at 0, it may not have come to open it yet."""
    delay_s: float
    kill: Callable[[Driver], None]


def moments(seed: int, count: int, *, records: int = 40) -> list[Moment]:
    """Random moments, the same for the same seed: one in four while the driver gets ready, the others soon after."""
    draw = random.Random(seed)
    return [
        Moment(0, draw.uniform(0, 15), draw.choice((power_off, cut_off)))
        if draw.random() < 0.25
        else Moment(draw.randint(2, records), draw.uniform(0, 0.3), draw.choice((power_off, cut_off)))
        for _ in range(count)
    ]


def killed_at(moment: Moment, *arguments: str | Path, run: Path, cwd: Path) -> None:
    """Drives a run until a moment has come, or until it is finished."""
    with driven(*arguments, cwd=cwd) as driver:
        before = records(run)
        until(lambda: driver.over or records(run) >= before + moment.records)
        time.sleep(moment.delay_s)
        assert not driver.over or driver.process.returncode == 0, driver.said
        moment.kill(driver)


def cut(file: Path, size: int) -> None:
    """Takes the last bytes away."""
    os.truncate(file, file.stat().st_size - size)


def spoil(file: Path) -> None:
    """Turns some bytes in the middle over."""
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(byte ^ 0xFF for byte in content[middle : middle + 64])
    file.write_bytes(content)


def records(run: Path) -> int:
    """How many records the journal of a run holds."""
    file = run / "study.journal"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def epochs(run: Path, trial: int) -> list[int]:
    """The epochs in the history of a trial."""
    file = run / "trials" / str(trial) / "history.csv"
    if not file.exists():
        return []
    with file.open() as lines:
        return [int(float(row["epoch"])) for row in csv.DictReader(lines) if row["epoch"]]


def checkpoints(run: Path) -> set[Path]:
    """The folders that hold a checkpoint."""
    return {file.parent for file in run.glob("trials/*/checkpoint/*.npz")}


def _started_by(process: psutil.Process, driver: int) -> bool:
    with suppress(psutil.Error, ProcessLookupError, PermissionError):
        if process.pid == driver or process.status() == psutil.STATUS_ZOMBIE:
            return False
        # W&B's process leads a session of its own, and names whom it belongs to.
        return os.getsid(process.pid) == driver or f"--pid {driver}" in _called(process)
    return False


def _called(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join([process.name(), *process.cmdline()])
    return ""
