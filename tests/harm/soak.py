"""Hundreds of short trials under random kills of workers and drivers, resumed each time: what is lost, doubled, leaked?

    python -m tests.harm.soak --minutes 15

Exits with 1 if anything is. The kills are drawn from the seed, their effect depends on the machine.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from search.run.reader import open_run
from tests.harm.doing import (
    ORPHANS_S,
    Driver,
    crew,
    cut_off,
    driven,
    ended,
    kill,
    power_off,
    records,
    trainers,
)
from tests.harm.sound import assert_sound, ended_trials, leftovers
from tests.harm.sweeps import RESUME, RUN, written
from tests.search.commands import TINY

WORKERS_S, DRIVERS_S = (4.0, 15.0), (15.0, 60.0)
"""Between two kills of workers, and from a driver's first epochs to its end."""
BEGUN = 4
"""So many records after its start a driver has trials that train."""


@dataclass
class Tally:
    """What happened."""

    worker_kills: int = 0
    driver_kills: int = 0
    resumes: int = 0
    lost: int = 0
    """Ended trials that a later session knew differently, or not at all."""
    leaked_processes: int = 0
    failed_ends: int = 0
    """Commands that ended with an error of their own."""
    memory_mb: list[float] = field(default_factory=list)
    """Of the driver, sampled."""
    known: dict[int, str] = field(default_factory=dict)


def soak(home: Path, *, trials: int, minutes: float, seed: int, wandb: bool) -> tuple[Tally, Path]:
    """Kills and resumes until all trials are done, or the time is over."""
    draw, tally, deadline = random.Random(seed), Tally(), time.monotonic() + 60 * minutes
    longer = TINY.replace("epochs: 4,", "epochs: 12,").replace("trials: 6", f"trials: {trials}")
    sweep = longer + ("" if wandb else "tracking: off\n")
    run = written(home, sweep)
    finished, drivers = False, []
    with ExitStack() as stack:
        while time.monotonic() < deadline and not finished:
            tally.resumes += run.exists()
            drivers.append(stack.enter_context(driven(*(RESUME if run.exists() else RUN), cwd=home)))
            finished = harassed(drivers[-1], run, draw=draw, tally=tally, deadline=deadline)
            compare(run, tally)
        tally.leaked_processes = orphans(drivers)
    return tally, run


def harassed(driver: Driver, run: Path, *, draw: random.Random, tally: Tally, deadline: float) -> bool:
    """Kills workers, then the driver; whether the driver came to its end before."""
    began, opened = records(run), None
    next_worker = driver_s = 0.0
    while not driver.over:
        time.sleep(0.1)
        now = time.monotonic()
        if now > deadline:
            driver.process.send_signal(signal.SIGINT)
            ended(driver)
            return False
        if opened is None:
            if records(run) > began + BEGUN:
                opened, driver_s = now, draw.uniform(*DRIVERS_S)
                next_worker = now + draw.uniform(*WORKERS_S)
            continue
        with suppress(psutil.Error):
            tally.memory_mb.append(psutil.Process(driver.process.pid).memory_info().rss / 1e6)
        if now > next_worker:
            victims = trainers(driver)[:1]
            kill(victims)
            tally.worker_kills += len(victims)
            next_worker = now + draw.uniform(*WORKERS_S)
        if now > opened + driver_s:
            draw.choice((power_off, cut_off))(driver)
            tally.driver_kills += 1
            return False
    if driver.process.returncode:
        tally.failed_ends += 1
        sys.stderr.write(driver.said)
    return driver.process.returncode == 0


def orphans(drivers: list[Driver]) -> int:
    """How many processes outlive the drivers that started them."""
    deadline, left = time.monotonic() + ORPHANS_S, drivers
    while left and time.monotonic() < deadline:
        time.sleep(0.5)
        left = [driver for driver in left if crew(driver)]
    return sum(len(crew(driver)) for driver in left)


def compare(run: Path, tally: Tally) -> None:
    """Counts the trials that had ended and are no longer as they were."""
    now = ended_trials(run)
    tally.lost += sum(now.get(number) != known for number, known in tally.known.items())
    tally.known = now


def doubled(run: Path) -> int:
    """Configurations that were tried more than once."""
    tried = [repr(sorted(trial.params.items())) for trial in open_run(run).trials]
    return len(tried) - len(set(tried))


def leaked_files(home: Path, run: Path) -> list[str]:
    """Temporary files of the run, of the data store and of the system's folder for them. Ray's logs are none."""
    store = [str(path) for path in (home / "cache" / "data").glob(".*")]
    system = [str(path) for path in (home / "tmp").iterdir() if path.name != "ray"]
    return [*leftovers(run), *store, *system]


def main() -> int:
    """0 where every count that should be is zero."""
    parser = argparse.ArgumentParser(prog="python -m tests.harm.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wandb", action="store_true", help="with offline W&B runs")
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="soak-"))
    (home / "tmp").mkdir()
    os.environ |= {"TMPDIR": str(home / "tmp"), "TUNEHOUND_CACHE": str(home / "cache")}
    tally, run = soak(home, trials=asked.trials, minutes=asked.minutes, seed=asked.seed, wandb=asked.wandb)
    files = leaked_files(home, run)
    unsound = flaws(run, trials=asked.trials, done=len(tally.known))
    faults = {
        "lost": tally.lost,
        "duplicated": doubled(run),
        "leaked processes": tally.leaked_processes,
        "leaked temporary files": len(files),
        "commands that failed by themselves": tally.failed_ends,
    }
    show(asked, tally, faults)
    for line in [*files, *unsound]:
        print(line, file=sys.stderr)
    if any(faults.values()) or unsound:
        print(f"Kept: {home}", file=sys.stderr)
        return 1
    shutil.rmtree(home)
    return 0


def flaws(run: Path, *, trials: int, done: int) -> list[str]:
    """What is wrong with a run whose trials are all done; nothing where they are not."""
    if done < trials:
        return []
    try:
        assert_sound(run, trials=trials)
    except AssertionError as error:
        return [str(error) or "the run is not sound"]
    return []


def show(asked: argparse.Namespace, tally: Tally, faults: dict[str, int]) -> None:
    """Prints the table."""
    memory = tally.memory_mb or [0.0]
    counts = {
        "kills of workers": tally.worker_kills,
        "kills of drivers": tally.driver_kills,
        "resumes": tally.resumes,
        "trials ended": f"{len(tally.known)} of {asked.trials}",
        **faults,
        "driver's memory at start, at end, at most": f"{memory[0]:.0f}, {memory[-1]:.0f}, {max(memory):.0f} MB",
    }
    table = Table("", "count", title=f"Soak of {asked.minutes:g} min, seed {asked.seed}, {os.cpu_count()} cores")
    for name, count in counts.items():
        table.add_row(name, str(count))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
