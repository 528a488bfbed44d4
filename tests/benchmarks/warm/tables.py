"""The measurements as tables for a terminal."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from rich.table import Table

from warm.contestants import OURS, TITLES
from warm.timeline import Timeline

WIDTH = 90
"""A title of a line needs so many columns."""
PACKAGES = ("ray", "optuna", "keras-tuner", "keras", "tensorflow")

Results = Mapping[str, Timeline]
Line = tuple[str, Callable[[Timeline], str]]
FIRST: tuple[Line, ...] = (
    ("start-up, s", lambda time: f"{time.start_up_s:.1f}"),
    ("after it, s", lambda time: f"{time.after_s:.1f}"),
    ("  of which closing, s", lambda time: f"{time.closing_s:.1f}"),
    ("total, s", lambda time: f"{time.total_s:.1f}"),
    ("CPU, s", lambda time: f"{time.cpu_s:.0f}"),
)
LAST: tuple[Line, ...] = (
    ("trials, epochs", lambda time: f"{time.trials}, {time.epochs}"),
    ("mean best val_accuracy", lambda time: f"{time.val_accuracy:.4f}"),
)


def versions() -> dict[str, str]:
    """What was measured, and where."""
    found = {package: version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **found, "processor": _processor(), "cores": str(slots())}


def slots() -> int:
    """Trials at a time: one a core."""
    return len(os.sched_getaffinity(0))


def grid_table(title: str, results: Results, *, ideal_s: float) -> Table:
    """Every trial to its last epoch: ratios are on what follows the start-up."""
    ours = results[OURS].after_s if OURS in results else None
    lines: list[Line] = [
        ("after it / ideal", lambda time: f"{time.after_s / ideal_s:.2f}"),
        ("after it / ours", lambda time: "" if ours is None else f"{time.after_s / ours:.2f}"),
    ]
    return _table(f"{title} · ideal {ideal_s:.1f} s", results, lines)


def asha_table(title: str, results: Results, *, warm: Mapping[str, float]) -> Table:
    """Trials stopped early: each contestant chose its own, so that times are told for equal epochs trained."""
    lines: list[Line] = [
        ("total an epoch, s", lambda time: f"{time.total_s / time.epochs:.2f}"),
        ("CPU an epoch, s", lambda time: f"{time.cpu_s / time.epochs:.2f}"),
        ("ideal of its epochs, s", lambda time: f"{time.warm_s(warm) / slots():.1f}"),
        ("after it / ideal of its epochs", lambda time: f"{time.after_s * slots() / time.warm_s(warm):.2f}"),
        ("CPU / ideal of its epochs", lambda time: f"{time.cpu_s / time.warm_s(warm):.2f}"),
    ]
    return _table(title, results, lines)


def ideal_table(title: str, measured: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    """Seconds of a warm epoch: when measured → way → architecture → seconds."""
    first = next(iter(next(iter(measured.values())).values()))
    table = Table(title=title, title_justify="left", min_width=WIDTH)
    for column in ("measured", "way", *first):
        table.add_column(column, justify="left" if column in ("measured", "way") else "right")
    for when, ways in measured.items():
        for way, seconds in ways.items():
            table.add_row(when, way, *(f"{second:.3f}" for second in seconds.values()))
    return table


def _table(title: str, results: Results, lines: list[Line]) -> Table:
    table = Table("", *(TITLES[name] for name in results), title=title, title_justify="left", min_width=WIDTH)
    for column in table.columns[1:]:
        column.justify = "right"
    for heading, cell in (*FIRST, *lines, *LAST):
        table.add_row(heading, *(cell(time) for time in results.values()))
    return table


def _processor() -> str:
    """Linux tells more than the standard library."""
    try:
        with Path("/proc/cpuinfo").open() as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
