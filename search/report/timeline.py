"""The course of a search over the hours in which it was driven."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import pandas as pd
import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from search.formatting import duration
from search.report.page import section
from search.report.plot import COLOURS, blank, html, step, word
from search.run.reader import Run, best_value, is_baseline, seconds

PAUSE_S = 120.0
"""Time in which nothing trained is cut out where it is longer than this."""
POINTS = 2000
"""No more trials than this are drawn."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """When trials ended, in seconds since the first one began, pauses left out."""

    ended: Mapping[int, float]
    """By the number of the trial, in the order of time."""
    pauses: Mapping[float, float]
    """The place of every pause → how long it was, in seconds."""


def course(trials: Iterable[FrozenTrial]) -> Course | None:
    """The clock of a search; None before any trial has ended.

    The journal does not say when a sweep was interrupted and resumed. But between two entries a trial that was open all
    the time trained no longer than all its epochs took: what remains of every such trial is a pause.
    """
    told = [trial for trial in trials if trial.datetime_start is not None]
    ends = {trial.number: trial.datetime_complete for trial in told if trial.datetime_complete is not None}
    if not ends:
        return None
    moments = sorted({*(trial.datetime_start for trial in told if trial.datetime_start), *ends.values()})
    at, pauses, clock = {moments[0]: 0.0}, {}, 0.0
    for before, after in pairwise(moments):
        passed = (after - before).total_seconds()
        pause = passed - busy(told, before, after) if passed > PAUSE_S else 0.0
        if pause > PAUSE_S:
            pauses[clock] = pause
            passed -= pause
        clock += passed
        at[after] = clock
    in_order = sorted(ends.items(), key=lambda each: each[1])
    return Course(ended={number: at[end] for number, end in in_order}, pauses=pauses)


def busy(trials: Iterable[FrozenTrial], before: datetime, after: datetime) -> float:
    """Seconds in which some trial may have trained between two moments, none of which lie between."""
    longest = 0.0
    for trial in trials:
        began, ended = trial.datetime_start, trial.datetime_complete
        if began is not None and began <= before and (ended is None or ended >= after):
            known = seconds(trial)
            longest = max(longest, math.inf if math.isnan(known) else known)
    return longest


def history_part(run: Run, frame: pd.DataFrame) -> str:
    """The course of the search."""
    clock = course(run.trials)
    figure = None if clock is None else optimisation_history(run, clock)
    if figure is None or clock is None:
        return ""
    note = "Each trial's best epoch, at the time at which it ended; the dashed line is the baseline."
    if clock.pauses:
        note += f" Where nothing trained for long, {duration(sum(clock.pauses.values()))} in all, the time is cut out"
        note += " (dotted lines)."
    return section("Course of the search", html(figure), note=note)


def optimisation_history(run: Run, clock: Course) -> go.Figure | None:
    """Every trial's best value when it ended, the best so far as a line, the baseline's dashed."""
    valued = {trial.number: value for trial in run.trials if (value := best_value(run, trial)) is not None}
    ended = {number: at for number, at in clock.ended.items() if number in valued}
    if not ended:
        return None
    unit, size = unit_of(max(ended.values()))
    figure = blank(f"{unit} since the first trial began", f"best {run.metric}")
    words = {trial.number: word(trial) for trial in run.trials}
    shown = list(ended)[:: step(list(ended), POINTS)]
    for name in dict.fromkeys(words[number] for number in shown):
        numbers = [number for number in shown if words[number] == name]
        figure.add_trace(
            go.Scatter(
                x=[ended[number] / size for number in numbers], y=[valued[number] for number in numbers],
                text=numbers, mode="markers", name=name,
                marker={"color": COLOURS.get(name, COLOURS["complete"]), "size": 7, "opacity": 0.7},
                hovertemplate=f"trial %{{text}}: %{{y:.4f}}<br>after %{{x:.3~g}} {unit}<extra></extra>",
            )
        )  # fmt: skip
    sound = [number for number in ended if words[number] not in ("diverged", "failed")]
    steps = best_so_far({number: valued[number] for number in sound}, run)
    figure.add_trace(
        go.Scatter(x=[ended[number] / size for number in steps], y=list(steps.values()), mode="lines",
                   name="best so far", line={"shape": "hv", "color": COLOURS["best"], "width": 2}, hoverinfo="skip")
    )  # fmt: skip
    add_lines(figure, run, valued, pauses=[place / size for place in clock.pauses])
    return figure


def add_lines(figure: go.Figure, run: Run, valued: Mapping[int, float], *, pauses: Iterable[float]) -> None:
    """The baseline, and where time was cut out."""
    for trial in run.trials:
        if is_baseline(trial) and trial.number in valued:
            figure.add_hline(y=valued[trial.number], line={"dash": "dash", "color": COLOURS["baseline"], "width": 1.5})
    for place in pauses:
        figure.add_vline(x=place, line={"dash": "dot", "color": COLOURS["complete"], "width": 1})


def best_so_far(values: Mapping[int, float], run: Run) -> dict[int, float]:
    """The trials that were better than all before them, and the last one, with the best value by then."""
    sign = 1 if run.direction == "maximize" else -1
    kept: dict[int, float] = {}
    best = -sign * math.inf
    for number, value in values.items():
        if sign * value > sign * best:
            best = kept[number] = value
    return kept | dict.fromkeys(list(values)[-1:], best)


def unit_of(span_s: float) -> tuple[str, float]:
    """A unit of time in which the span is a number of few digits, and its seconds."""
    if span_s < 180:
        return "seconds", 1.0
    return ("minutes", 60.0) if span_s < 10800 else ("hours", 3600.0)
