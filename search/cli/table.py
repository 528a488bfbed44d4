"""Tables for the terminal: a leaderboard or a comparison of runs, with as many columns as fit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from search.console.columns import GAP, fitting
from search.console.columns import header as column_header
from search.formatting import ending, format_duration, format_value
from search.results.leaderboard import ABOUT
from spaces.printable import printable

TEXT_COLUMNS = ("run", "state", "metric", "node", "role", "versions")
"""Text columns, aligned to the left."""
ESSENTIAL = ("run", "rank", "trial", "state", "mean")
DROPPED_FIRST = ("best_epoch", "seconds", "seeds", "epochs")
"""Columns to drop on a narrow terminal, in this order; then the open values, last one first."""
RUN_DROPPED_FIRST = ("epochs", "trials", "seconds", "wall_seconds", "trial", "baseline", "test_loss")
"""The same for a comparison of runs."""
NAME = 30
"""Maximum length of a run's name in a comparison."""


def table(frame: pd.DataFrame, *, metric: str, top: int | None = None, width: int = 80) -> Table:
    """Return the first ``top`` rows of a leaderboard and the baseline's, at most ``width`` characters wide.

    Columns that do not fit are left out and listed below the table; CSV and JSON have all of them.
    """
    rows = shown_rows(frame, top)
    names = shown_columns(frame, metric)
    cells = {name: [header(name), *(cell(name, row, metric) for row in rows)] for name in names}
    values = [name for name in names if name not in {*ESSENTIAL, *ABOUT, metric}]
    notes = ["= statistically tied with the leader"] if any(row["tied"] for row in rows) else []
    droppable = (*DROPPED_FIRST, *reversed(values), *([metric] if "mean" in names else []))
    return draw(cells, [style(row) for row in rows], droppable=droppable, notes=notes, width=width)


def run_table(frame: pd.DataFrame, *, width: int = 80) -> Table:
    """Return a comparison of runs (see `search.results.compare`), one line each, at most ``width`` characters wide."""
    rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    one = frame["metric"].nunique() == 1
    names = [name for name in frame.columns if name not in ("sd", "seeds", *(["metric"] if one else []))]
    names = [name for name in names if frame[name].notna().any()]
    heads = {
        "value": frame["metric"].iloc[0].replace("_", "\n") if one else "value",
        "seconds": "slot\ntime",
        "wall_seconds": "wall\ntime",
    }
    cells = {name: [heads.get(name, header(name)), *(run_cell(name, row) for row in rows)] for name in names}
    styles = ["bold green" if one and place == 0 else "" for place in range(len(rows))]
    single = (frame["seeds"] < 2).any()
    notes = ["without ±: best epoch of a single seed"] if single else []
    return draw(cells, styles, droppable=RUN_DROPPED_FIRST, notes=notes, width=width)


def draw(
    cells: Mapping[str, Sequence[str]],
    styles: Sequence[str],
    *,
    droppable: Iterable[str],
    notes: Sequence[str],
    width: int,
) -> Table:
    """Draw columns of text below their headers; columns that do not fit are listed below the table."""
    cells = {name: [printable(head, keep="\n"), *map(printable, rest)] for name, (head, *rest) in cells.items()}
    kept = fitting(cells, droppable, width)
    left_out = [name for name in cells if name not in kept]
    drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for name in kept:
        side = "left" if name in TEXT_COLUMNS or (name == "trial" and "state" in cells) else "right"
        drawn.add_column(cells[name][0], justify="left" if side == "left" else "right", no_wrap=True, vertical="bottom")
    for position, row_style in enumerate(styles, start=1):
        drawn.add_row(*(Text(cells[name][position]) for name in kept), style=row_style)
    below = [*notes, *([f"not shown: {', '.join(left_out)}"] if left_out else [])]
    drawn.caption, drawn.caption_justify = "\n".join(below) or None, "left"
    return drawn


def shown_rows(frame: pd.DataFrame, top: int | None) -> list[dict[str, Any]]:
    """Return the first rows, and the baseline's whatever its rank."""
    chosen = frame if top is None else frame[(frame["rank"] <= top) | frame["baseline"]]
    return [{str(key): value for key, value in row.items()} for row in chosen.to_dict("records")]


def shown_columns(frame: pd.DataFrame, metric: str) -> list[str]:
    """Return the columns to show, in order: with those of the confirmation, if any, before the open values."""
    confirmed = ["mean", "seeds"] if (frame["seeds"] > 0).any() else []
    first = [*(["run"] if "run" in frame else []), "rank", "trial", "state", *confirmed[:1], metric, *confirmed[1:]]
    values = [name for name in frame.columns if name not in {*ABOUT, *first}]
    return [*first, *values, "epochs", "best_epoch", "seconds"]


def header(name: str) -> str:
    """Return a column's header, broken into lines to be no wider than its values."""
    return {"rank": "#", "mean": "mean ± sd", "seconds": "slot\nseconds"}.get(name) or column_header(name)


def cell(name: str, row: Mapping[str, Any], metric: str) -> str:
    """Format one value; empty if missing."""
    value = row[name]
    if name == "state":
        return short_state(row)
    if name == "rank":
        return f"{value} {'=' if row['tied'] else ' '}" if row["seeds"] else str(value)
    if value is pd.NA or (name == "seeds" and not value):
        return ""
    if name == "mean":
        return with_spread(value, row["sd"])
    if name == metric and not math.isnan(value):
        return f"{value:.4f}"
    if name == "seconds" and not math.isnan(value):
        return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
    return format_value(value)


def run_cell(name: str, row: Mapping[str, Any]) -> str:
    """Format one value of a run."""
    value = row[name]
    if name == "run":
        return value if len(value) <= NAME else f"{value[: NAME // 2]}…{value[-NAME // 2 + 1 :]}"
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if name == "value":
        return with_spread(value, row["sd"])
    if name == "gain":
        return f"{value:+.4f}"
    if name in ("seconds", "wall_seconds"):
        return format_duration(value)
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def with_spread(mean: float, sd: float) -> str:
    """Format ``0.9861 ± 0.0042``, or the mean alone."""
    if math.isnan(mean):
        return ""
    return f"{mean:.4f}" if math.isnan(sd) else f"{mean:.4f} ± {sd:.4f}"


def short_state(row: Mapping[str, Any]) -> str:
    """Return how the trial ended in at most eight letters; a completed baseline is called baseline."""
    word = ending(str(row["state"]), str(row["reason"]))
    if row["baseline"] and word == "complete":
        return "baseline"
    return "stopped" if word == "stopped-early" else word


def style(row: Mapping[str, Any]) -> str:
    """Return the style of a row: the best, the baseline, trials without a result."""
    if row["rank"] == 1:
        return "bold green"
    if row["baseline"]:
        return "cyan"
    return "dim" if row["state"] == "failed" or row["reason"] == "diverged" else ""
