"""What `tunehound plan` expects of a sweep against what the sweep then takes.

    python tests/benchmarks/plan.py digits
    python tests/benchmarks/plan.py digits \\
        "tests/benchmarks/studies/cifar10.yaml data.path=cifar10_4000.npz search.trials=8 model.filters=[8,16,16]" \\
        "bears data.path=bears search.trials=6" --runs checked

Each argument is a sweep and what is set in it, as for `--set`. Each is planned, then run to its end, one after the
other, on this machine, with tracking off; `--runs` keeps the runs, else they are thrown away. The machine must have
nothing else to do. Progress goes to stderr; the table, a line a quantity, to stdout.

`epochs` and `hours` are of search and confirmation together; `s/epoch` is the mean of the search's epochs, by their
own clock; `memory` is the most that a process of a trial took, less what it shares, looked at twice a second. `off` is
actual over predicted; `within` says whether the actual lies in the predicted range.
"""

from __future__ import annotations

import argparse
import platform
import shlex
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil

from search.console.logs import quiet_environment
from search.machine import this_machine
from search.plan.capacity import capacity
from search.plan.check import check
from search.plan.corners import measure
from search.plan.forecast import Projection, Range
from search.plan.summary import cost_lines, predict
from search.run.reader import open_run
from search.study.budget import NOTE
from search.tuner.run import run_sweep
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep

LOOK_S = 0.5


@dataclass(frozen=True)
class Row:
    """One quantity of one sweep."""

    name: str
    predicted: Range
    actual: float
    text: str
    """How its numbers are written."""

    def cells(self) -> list[str]:
        """As text."""
        span, actual = self.predicted, self.actual
        off = f"{actual / span.expected:.2f} ×" if span.expected else ""
        within = "" if span.low == span.high else "yes" if span.low <= actual <= span.high else "no"
        return [self.name, span.format(self.text.format), self.text.format(actual), off, within]


def main() -> None:
    """Plans, runs and compares each sweep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="+", metavar="SWEEP [PATH=VALUE]…")
    parser.add_argument("--runs", type=Path, help="keep the runs in this folder")
    arguments = parser.parse_args()
    quiet_environment()
    print(f"{this_machine()}; Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="tunehound-plan-") as thrown_away:
        for number, words in enumerate(arguments.sweeps):
            source, *overrides = shlex.split(words)
            sweep = load_sweep(source, [*overrides, "tracking=off"])
            rows = compared(sweep, runs=arguments.runs or Path(thrown_away), name=f"{sweep.name}-{number}")
            print(f"\n{words}", *_table(rows), sep="\n", flush=True)


def compared(sweep: Sweep, *, runs: Path, name: str) -> list[Row]:
    """The plan's quantities, and the run's."""
    room = capacity(sweep, image_side_px=max(check(sweep).image_shape[:2]))
    started = time.monotonic()
    measured = measure(sweep, room, message=_say)
    planning_s = time.monotonic() - started
    _say("\n".join(cost_lines(sweep, room, measured)))
    expected = predict(sweep, room, measured)
    with _fattest_worker() as fattest:
        directory = run_sweep(sweep, runs=runs, name=name).directory
    trials = _histories(directory, "trials/*/history.csv")
    again = _histories(directory, "trials/*/confirm/*/history.csv")
    spent = open_run(directory).notes[NOTE]

    def row(name: str, predicted: Callable[[Projection], float], actual: float, text: str) -> Row:
        return Row(name, expected.range_of(predicted), actual, text)

    memory = measured.memory_bytes / 1e9
    return [
        Row("planning, s", Range(planning_s, planning_s, planning_s), planning_s, "{:.0f}"),
        row("trials", lambda o: o.trials, trials["run"].nunique(), "{:.0f}"),
        row("epochs", lambda o: o.epochs + o.confirm_epochs, len(trials) + len(again), "{:,.0f}"),
        row("hours", lambda o: o.hours + o.confirm_hours, spent["hours"], "{:.3f}"),
        row("slot-hours", lambda o: o.slot_hours + o.confirm_slot_hours, spent["slot_hours"], "{:.3f}"),
        row("s/epoch", lambda o: o.epoch_s, float(_warm(trials).mean()), "{:.3f}"),
        Row("memory, GB", Range(memory, memory, memory), fattest[0] / 1e9, "{:.2f}"),
    ]


def _warm(histories: pd.DataFrame) -> pd.Series[float]:
    """The epochs' seconds, less those in which something may have been compiled: the first of each trial."""
    later = histories[histories["epoch"] > 1]
    return (later if len(later) else histories)["seconds"]


def _histories(directory: Path, pattern: str) -> pd.DataFrame:
    frames = [pd.read_csv(file).assign(run=str(file.parent)) for file in sorted(directory.glob(pattern))]
    return pd.concat(frames) if frames else pd.DataFrame(columns=["run", "epoch", "seconds"])


@contextmanager
def _fattest_worker() -> Iterator[list[int]]:
    """Yields a list whose one entry grows to the most that a process of Ray's, below this one, took meanwhile."""
    peak, done = [0], threading.Event()

    def look() -> None:
        while not done.wait(LOOK_S):
            peak[0] = max([peak[0], *map(_taken, psutil.Process().children(recursive=True))])

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield peak
    finally:
        done.set()
        looking.join()


def _taken(process: psutil.Process) -> int:
    try:
        if not process.cmdline()[0].startswith("ray::") or process.cmdline()[0].startswith("ray::IDLE"):
            return 0
        told = process.memory_info()
        return int(told.rss - told.shared)
    except (psutil.Error, IndexError):
        return 0


def _table(rows: list[Row]) -> list[str]:
    lines = [["", "predicted", "actual", "off", "within"], *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
