"""The leaderboard of the report, and the seeds behind its means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from search.formatting import ending, format_ending, format_value
from search.report.page import Cell, section, table
from search.report.plot import COLOURS, blank, html
from search.results.leaderboard import ABOUT
from search.run.reader import Run

ROWS, FIELDS = 1000, 15_000
"""The most rows and the most fields of the leaderboard in the report."""


def leaderboard_part(run: Run, frame: pd.DataFrame) -> str:
    """The ranked trials."""
    if frame.empty:
        return ""
    confirmed = ["mean", "sd", "seeds"] if (frame["seeds"] > 0).any() else []
    values = [name for name in frame.columns if name not in {*ABOUT, run.metric}]
    names = ["rank", "trial", *confirmed, run.metric, "state", *values, "epochs", "best_epoch", "seconds"]
    limit = min(ROWS, FIELDS // len(names))
    records = frame.head(limit).to_dict("records")
    rows = [[cell(name, record, run.metric) for name in names] for record in records]
    note = "Each trial is scored by its best epoch; its seconds are those that it trained, in its slot. Click a column"
    note += " to sort by it."
    if confirmed:
        note += (
            " = marks trials that are statistically tied with the leader. Means do not include the score of the search."
        )
    if len(frame) > limit:
        all_of_them = "leaderboard.csv" if (run.directory / "leaderboard.csv").is_file() else "`tunehound leaderboard`"
        note += f" The first {limit:,} of {len(frame):,} trials; {all_of_them} has all of them."
    text = ["state", *(name for name in values if any(isinstance(record[name], str) for record in records))]
    heads = [name.replace("_", " ") if name == "best_epoch" else name for name in names]
    body = table(heads, rows, classes=[row_class(record) for record in records], text=text)
    return section("Leaderboard", body, note=note)


def cell(name: str, record: Mapping[Any, Any], metric: str) -> Cell:
    """One field of the leaderboard."""
    value = record[name]
    if name == "state":
        word = format_ending(value, record["reason"])
        return Cell(shown=word, value=word)
    if value is None or pd.isna(value) or (name == "seeds" and value == 0):
        return Cell(shown="", value="")
    if name == "rank":
        return Cell(shown=f"{value} =" if record["tied"] else str(value), value=str(value))
    if name == "trial":
        return Cell(shown=f"{value} (baseline)" if record["baseline"] else str(value), value=str(value))
    shown = f"{value:.4f}" if name in (metric, "mean", "sd") else format_value(value)
    return Cell(
        shown=f"{value:.1f}" if name == "seconds" else shown,
        value=f"{value:.6g}" if isinstance(value, float) else str(value),
    )


def row_class(record: Mapping[Any, Any]) -> str:
    """Return the CSS class of a row."""
    if record["rank"] == 1 and record["state"] != "failed":
        return "best"
    if record["baseline"]:
        return "baseline"
    return "failed" if ending(record["state"], record["reason"]) in ("failed", "diverged") else ""


def confirmation_part(run: Run, frame: pd.DataFrame) -> str:
    """The seeds of every confirmed configuration, and their means."""
    figure = seeds_figure(run, frame)
    if figure is None:
        return ""
    seeds = len({seed for score in run.scores.values() for seed in score.by_seed})
    note = (
        f"The best trials and the baseline, trained again with {seeds} seeds: one dot per seed, a line at the mean. The"
    )
    note += " same seed gives all of them the same start. The score of the search is not among the dots."
    return section("Confirmation", html(figure), note=note)


def seeds_figure(run: Run, frame: pd.DataFrame) -> go.Figure | None:
    """Draw a row of dots for every confirmed configuration, in the order of the leaderboard."""
    records = [record for record in frame.to_dict("records") if record["seeds"] > 0]
    if not records:
        return None
    figure = blank(run.metric, "", height=90 + 44 * len(records))
    for record in reversed(records):
        by_seed, name = run.scores[record["trial"]].by_seed, f"trial {record['trial']}{' =' if record['tied'] else ''}"
        kind = "best" if record["rank"] == 1 else "baseline" if record["baseline"] else "complete"
        label = f"{name}<br>baseline" if record["baseline"] else name
        figure.add_trace(
            go.Scatter(
                x=list(by_seed.values()), y=[label] * len(by_seed), text=[f"seed {seed}" for seed in by_seed],
                mode="markers", marker={"size": 9, "color": COLOURS[kind], "opacity": 0.6}, showlegend=False,
                hovertemplate="%{text}: %{x:.4f}<extra></extra>",
            )
        )  # fmt: skip
        figure.add_trace(
            go.Scatter(
                x=[record["mean"]], y=[label], mode="markers", showlegend=False,
                marker={"symbol": "line-ns", "size": 26, "line": {"width": 3, "color": COLOURS[kind]}},
                hovertemplate="mean %{x:.4f}<extra></extra>",
            )
        )  # fmt: skip
    return figure.update_layout(yaxis={"type": "category"})
