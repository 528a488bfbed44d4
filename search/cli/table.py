"""Tables on a terminal: a leaderboard, or runs against each other. As many columns as fit, the best lit up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from search.formatting import compact, duration, ending
from search.results.leaderboard import ABOUT
from spaces.printable import printable

GAP = 2
"""Blank columns between two columns."""
LEFT = ("run", "state", "metric", "node", "role", "versions")
"""Columns of words."""
ESSENTIAL = ("run", "rank", "trial", "state", "mean")
DROPPED_FIRST = ("best_epoch", "seconds", "seeds", "epochs")
"""Columns that go when the terminal is narrow, in this order; after them the open values, from the last."""
RUN_DROPPED_FIRST = ("epochs", "trials", "seconds", "trial", "baseline", "test_loss")
"""Likewise where runs are compared."""
NAME = 30
"""No more letters of a run's name than this, where it stands beside others."""


def table(frame: pd.DataFrame, *, metric: str, top: int | None = None, width: int = 80) -> Table:
    """The first ``top`` rows of a leaderboard (and the baseline's), no wider than ``width`` characters.

    What does not fit is left out and named below the table; CSV and JSON have all of it.
    """
    rows = shown_rows(frame, top)
    names = shown_columns(frame, metric)
    cells = {name: [header(name), *(cell(name, row, metric) for row in rows)] for name in names}
    values = [name for name in names if name not in {*ESSENTIAL, *ABOUT, metric}]
    notes = ["= cannot be told apart from the first"] if any(row["tied"] for row in rows) else []
    droppable = (*DROPPED_FIRST, *reversed(values), *([metric] if "mean" in names else []))
    return draw(cells, [style(row) for row in rows], droppable=droppable, notes=notes, width=width)


def run_table(frame: pd.DataFrame, *, width: int = 80) -> Table:
    """Runs against each other (see `search.results.compare`), a line each, no wider than ``width`` characters."""
    rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    one = frame["metric"].nunique() == 1
    names = [name for name in frame.columns if name not in ("sd", "seeds", *(["metric"] if one else []))]
    names = [name for name in names if frame[name].notna().any()]
    heads = {"value": frame["metric"].iloc[0].replace("_", "\n") if one else "value", "seconds": "training"}
    cells = {name: [heads.get(name, header(name)), *(run_cell(name, row) for row in rows)] for name in names}
    styles = ["bold green" if one and place == 0 else "" for place in range(len(rows))]
    single = (frame["seeds"] < 2).any()
    notes = ["without ±: the best epoch of one seed"] if single else []
    return draw(cells, styles, droppable=RUN_DROPPED_FIRST, notes=notes, width=width)


def draw(
    cells: Mapping[str, Sequence[str]],
    styles: Sequence[str],
    *,
    droppable: Iterable[str],
    notes: Sequence[str],
    width: int,
) -> Table:
    """Columns of text under their heads, without those that do not fit, which are named below."""
    cells = {name: [printable(head, keep="\n"), *map(printable, rest)] for name, (head, *rest) in cells.items()}
    kept = fitting(cells, droppable, width)
    left_out = [name for name in cells if name not in kept]
    drawn = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for name in kept:
        side = "left" if name in LEFT or (name == "trial" and "state" in cells) else "right"
        drawn.add_column(cells[name][0], justify="left" if side == "left" else "right", no_wrap=True, vertical="bottom")
    for position, look in enumerate(styles, start=1):
        drawn.add_row(*(Text(cells[name][position]) for name in kept), style=look)
    below = [*notes, *([f"not shown: {', '.join(left_out)}"] if left_out else [])]
    drawn.caption, drawn.caption_justify = "\n".join(below) or None, "left"
    return drawn


def shown_rows(frame: pd.DataFrame, top: int | None) -> list[dict[str, Any]]:
    """The first rows, and the baseline's wherever it stands."""
    chosen = frame if top is None else frame[(frame["rank"] <= top) | frame["baseline"]]
    return [{str(key): value for key, value in row.items()} for row in chosen.to_dict("records")]


def shown_columns(frame: pd.DataFrame, metric: str) -> list[str]:
    """The columns that a terminal shows, in order: those of the confirmation once it is there, then the open values."""
    confirmed = ["mean", "seeds"] if (frame["seeds"] > 0).any() else []
    first = [*(["run"] if "run" in frame else []), "rank", "trial", "state", *confirmed[:1], metric, *confirmed[1:]]
    values = [name for name in frame.columns if name not in {*ABOUT, *first}]
    return [*first, *values, "epochs", "best_epoch", "seconds"]


def header(name: str) -> str:
    """A column's name, broken where it may be, so that it is no wider than its values."""
    return {"rank": "#", "best_epoch": "best\nepoch", "mean": "mean ± sd"}.get(
        name, name.replace("_", "\n").replace(".", ".\n")
    )


def cell(name: str, row: Mapping[str, Any], metric: str) -> str:
    """One value as text; empty where there is none."""
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
    return compact(value)


def run_cell(name: str, row: Mapping[str, Any]) -> str:
    """One value of a run."""
    value = row[name]
    if name == "run":
        return value if len(value) <= NAME else f"{value[: NAME - 1]}…"
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if name == "value":
        return with_spread(value, row["sd"])
    if name == "gain":
        return f"{value:+.4f}"
    if name == "seconds":
        return duration(value)
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def with_spread(mean: float, sd: float) -> str:
    """``0.9861 ± 0.0042``, or the mean alone."""
    if math.isnan(mean):
        return ""
    return f"{mean:.4f}" if math.isnan(sd) else f"{mean:.4f} ± {sd:.4f}"


def short_state(row: Mapping[str, Any]) -> str:
    """How the trial ended, in a word of eight letters; a baseline that came to its end is called so."""
    word = ending(str(row["state"]), str(row["reason"]))
    if row["baseline"] and word == "complete":
        return "baseline"
    return "stopped" if word == "stopped-early" else word


def fitting(cells: Mapping[str, Sequence[str]], droppable: Iterable[str], width: int) -> list[str]:
    """The columns that fit into ``width``: the least important are dropped until the rest do."""
    kept = list(cells)
    going = [name for name in droppable if name in kept]
    while going and sum(breadth(cells[name]) + GAP for name in kept) - GAP > width:
        kept.remove(going.pop(0))
    return kept


def breadth(column: Sequence[str]) -> int:
    """The width of a column in characters."""
    return max(len(line) for text in column for line in text.split("\n"))


def style(row: Mapping[str, Any]) -> str:
    """How a row is lit: the best, the baseline, those that came to nothing."""
    if row["rank"] == 1:
        return "bold green"
    if row["baseline"]:
        return "cyan"
    return "dim" if row["state"] == "failed" or row["reason"] == "diverged" else ""
