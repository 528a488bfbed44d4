"""The parts of the live view: bars, and a table of what trains now that fits the terminal."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.console.columns import GAP, fitting, header
from search.formatting import format_duration, format_value
from spaces.domains.domain import Scalar
from spaces.printable import printable

ROWS = 24
"""The most rows, on a high terminal."""
OTHER_LINES = 11
"""Lines of the terminal that are left for the rest of the view, and for the headers."""
ABOUT = ("trial", "seed", "epoch", "best", "time")


@dataclass(frozen=True, kw_only=True)
class RunningRow:
    """A trial, or a training of the confirmation, that trains now."""

    epoch: int
    """The last one that was reported; 0 before the first."""
    best: float
    """The metric at its best epoch; NaN before the first finite one."""
    began: float
    """By the clock of the view, in seconds."""
    baseline: bool = False
    values: Mapping[str, Scalar] = field(default_factory=dict)
    """The open values, by short name."""


class RunningTable:
    """What trains now, the latest that the terminal has room for; drawn by rich.

    Args:
        rows: by number of trial; of the confirmation by trial and seed.
        horizon: the epochs of a trial that is not stopped.
        now: by the clock of the view, in seconds.
    """

    def __init__(self, rows: Mapping[tuple[int, ...], RunningRow], *, horizon: int, now: float) -> None:
        self._rows, self._horizon, self._now = rows, horizon, now

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table, and lines about the rows and columns that it has no room for."""
        shown = sorted(heapq.nlargest(min(ROWS, max(1, options.max_height - OTHER_LINES)), self._rows.items()))
        if not shown:
            return
        cells = self._cells(dict(shown))
        values = [name for name in cells if name not in ABOUT]
        kept = fitting(cells, (*reversed(values), "time", "best"), options.max_width - GAP)
        yield drawn({name: cells[name] for name in kept})
        if len(shown) < len(self._rows):
            yield Text(f"  and {len(self._rows) - len(shown)} more", style="dim")
        if left_out := [printable(name) for name in cells if name not in kept]:
            text = f"  not shown: {', '.join(left_out)}"
            yield Text(text, style="dim", no_wrap=True, overflow="ellipsis")

    def _cells(self, rows: Mapping[tuple[int, ...], RunningRow]) -> dict[str, list[str]]:
        names = dict.fromkeys(name for row in rows.values() for name in row.values)
        cells = {
            "trial": [f"{number[0]} baseline" if row.baseline else str(number[0]) for number, row in rows.items()],
            "seed": [str(number[1]) for number in rows if len(number) > 1],
            "epoch": [f"{row.epoch}/{self._horizon}" for row in rows.values()],
            "best": ["" if math.isnan(row.best) else f"{row.best:.4f}" for row in rows.values()],
            "time": [format_duration(self._now - row.began) for row in rows.values()],
        }
        about = {name: [name, *column] for name, column in cells.items() if column}
        for name in names:
            column = [format_value(row.values.get(name)) for row in rows.values()]
            about[f"{name} " if name in ABOUT else name] = [header(name), *column]
        return about


def drawn(cells: Mapping[str, list[str]]) -> Table:
    """Draw columns of text below their headers."""
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim", style="dim")
    for name, (head, *_) in cells.items():
        side = "left" if name == "trial" else "right"
        table.add_column(
            Text(printable(head, keep="\n")), justify="left" if side == "left" else "right", no_wrap=True,
            vertical="bottom",
        )  # fmt: skip
    for row in zip(*(column[1:] for column in cells.values()), strict=True):
        table.add_row(*(Text(printable(text)) for text in row))
    return table


def bar(done: int, total: int, noun: str, text: Text) -> Table:
    """Return a bar, ``done/total``, and a text beside it."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    progress = ProgressBar(total=max(total, done, 1), completed=done, width=20)
    grid.add_row(progress, f"{done}/{total} {noun}", text)
    return grid


def one_line(text: str, *, style: str = "") -> Text:
    """Return text that a narrow terminal truncates instead of wrapping."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
