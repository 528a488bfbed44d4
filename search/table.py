"""The leaderboard on a terminal: as many columns as fit, the best lit up, the baseline marked."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from search.leaderboard import ABOUT
from search.wording import compact, ending

GAP = 2
"""Blank columns between two columns."""
ESSENTIAL = ("run", "rank", "trial", "state")
DROPPED_FIRST = ("best_epoch", "seconds", "seeds", "epochs")
"""Columns that go when the terminal is narrow, in this order; after them the open values, from the last."""


def table(frame: pd.DataFrame, *, metric: str, top: int | None = None, width: int = 80) -> Table:
    """The first ``top`` rows of a leaderboard (and the baseline's), no wider than ``width`` characters.

    What does not fit is left out and named below the table; CSV and JSON have all of it.
    """
    rows = shown_rows(frame, top)
    cells = {name: [header(name), *(cell(name, row, metric) for row in rows)] for name in shown_columns(frame, metric)}
    left_out = [name for name in cells if name not in fitting(cells, metric, width)]
    drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    kept = [name for name in cells if name not in left_out]
    for name in kept:
        drawn.add_column(cells[name][0], justify="left" if name in ("run", "trial", "state") else "right", no_wrap=True)
    for position, row in enumerate(rows, start=1):
        drawn.add_row(*(Text(cells[name][position]) for name in kept), style=style(row))
    if left_out:
        drawn.caption = f"not shown: {', '.join(left_out)}"
        drawn.caption_justify = "left"
    return drawn


def shown_rows(frame: pd.DataFrame, top: int | None) -> list[dict[str, Any]]:
    """The first rows, and the baseline's wherever it stands."""
    chosen = frame if top is None else frame[(frame["rank"] <= top) | frame["baseline"]]
    return [{str(key): value for key, value in row.items()} for row in chosen.to_dict("records")]


def shown_columns(frame: pd.DataFrame, metric: str) -> list[str]:
    """The columns that a terminal shows, in order: those of the confirmation once it is there, then the open values."""
    confirmed = ["mean", "sd", "seeds"] if (frame["seeds"] > 0).any() else []
    first = [*(["run"] if "run" in frame else []), "rank", "trial", "state", metric, *confirmed]
    values = [name for name in frame.columns if name not in {*ABOUT, *first}]
    return [*first, *values, "epochs", "best_epoch", "seconds"]


def header(name: str) -> str:
    """A column's name, broken where it may be, so that it is no wider than its values."""
    return {"rank": "#", "best_epoch": "best\nepoch"}.get(name, name.replace("_", "\n").replace(".", ".\n"))


def cell(name: str, row: dict[str, Any], metric: str) -> str:
    """One value as text; empty where there is none."""
    value = row[name]
    if name == "state":
        return short_state(row)
    if value is pd.NA:
        return ""
    if name in (metric, "mean", "sd") and not math.isnan(value):
        return f"{value:.4f}"
    if name == "seconds" and not math.isnan(value):
        return f"{value:.0f}" if value >= 10 else f"{value:.1f}"
    return compact(value)


def short_state(row: dict[str, Any]) -> str:
    """How the trial ended, in a word of eight letters; a baseline that came to its end is called so."""
    word = ending(str(row["state"]), str(row["reason"]))
    if row["baseline"] and word == "complete":
        return "baseline"
    return "stopped" if word == "stopped-early" else word


def fitting(cells: dict[str, list[str]], metric: str, width: int) -> list[str]:
    """The columns that fit into ``width``: the least important are dropped until the rest do."""
    kept = list(cells)
    values = [name for name in kept if name not in {*ESSENTIAL, *ABOUT, metric}]
    droppable = [name for name in (*DROPPED_FIRST, *reversed(values), "sd", "mean") if name in kept]
    while droppable and sum(breadth(cells[name]) + GAP for name in kept) - GAP > width:
        kept.remove(droppable.pop(0))
    return kept


def breadth(column: list[str]) -> int:
    """The width of a column in characters."""
    return max(len(line) for text in column for line in text.split("\n"))


def style(row: dict[str, Any]) -> str:
    """How a row is lit: the best, the baseline, those that came to nothing."""
    if row["rank"] == 1:
        return "bold green"
    if row["baseline"]:
        return "cyan"
    return "dim" if row["state"] == "failed" or row["reason"] == "diverged" else ""
