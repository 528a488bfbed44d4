"""The hyperparameters: the metric along each of them, and all trials in parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from search.formatting import format_value
from search.report.page import section
from search.report.plot import COLOURS, blank, drawn, html, left_out, word
from search.run.reader import Run
from search.run.trials import best_value, is_baseline

LINES, NUMBERS = 2000, 20_000
"""The most lines of the parallel coordinates, and the most numbers in them."""
DOTS, SLICES = 400, 24
"""The most trials in a slice, and the most slices."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The positions of trials along an open value: logarithms in a logarithmic domain, the index of a choice."""

    label: str
    log: bool
    choice: bool
    whole: bool
    places: Mapping[int, float]
    """By trial number, without trials whose branch was not taken."""
    ticks: Mapping[float, str]


def axis_of(label: str, trials: Sequence[FrozenTrial], name: str) -> Axis | None:
    """Return the axis of an open value; None if no trial has it."""
    having = {trial.number: trial.params[name] for trial in trials if name in trial.params}
    if not having:
        return None
    domain = next(trial.distributions[name] for trial in trials if name in trial.params)
    log = isinstance(domain, (FloatDistribution, IntDistribution)) and domain.log
    whole = isinstance(domain, IntDistribution)
    choice = isinstance(domain, CategoricalDistribution)
    if isinstance(domain, CategoricalDistribution):
        known = {repr(option): float(place) for place, option in enumerate(domain.choices)}
        ticks = {float(place): str(option) for place, option in enumerate(domain.choices)}
        places = {number: known[repr(value)] for number, value in having.items()}
    else:
        places = {number: math.log10(value) if log else float(value) for number, value in having.items()}
        ticks = {place: format_value(10**place if log else place) for place in tick_places(places.values())}
        if whole:
            ticks = whole_places(ticks, log=log)
    ticks = {place: escape(tick) for place, tick in ticks.items()}
    return Axis(label=escape(label), log=log, choice=choice, whole=whole, places=places, ticks=ticks)


def whole_places(places: Iterable[float], *, log: bool) -> dict[float, str]:
    """Return ticks at the whole numbers next to these places of an axis."""
    numbers = dict.fromkeys(round(10**place if log else place) for place in places)
    return {math.log10(number) if log else float(number): f"{number}" for number in numbers}


def tick_places(values: Iterable[float], count: int = 5) -> list[float]:
    """Return the distinct values if they are few, else ``count`` places from the least to the greatest."""
    known = set(values)
    if len(known) <= count:
        return sorted(known)
    low, high = min(known), max(known)
    return sorted({low + (high - low) * step / (count - 1) for step in range(count)})


def parallel_part(run: Run, frame: pd.DataFrame) -> str:
    """All trials in parallel coordinates."""
    figure = parallel_coordinates(run)
    if figure is None:
        return ""
    width = 110 * (len(run.names) + 1)
    body = f'<div class="wide"><div style="min-width:{width}px">{html(figure)}</div></div>'
    note = "One line per trial. Drag along an axis to select trials." + left_out(len(drawn(run, lines(run))), run)
    return section("Parallel coordinates", body, note=note)


def parallel_coordinates(run: Run) -> go.Figure | None:
    """Draw one axis per open value and one line per trial, coloured by the metric."""
    shown = [trial for trial in drawn(run, lines(run)) if best_value(run, trial) is not None]
    if len(shown) < 2:
        return None
    values = [best_value(run, trial) for trial in shown]
    axes = [axis for name, short in run.names.items() if (axis := axis_of(short, shown, name)) is not None]
    figure = blank("", "", height=460)
    line = {"color": values, "colorscale": "Viridis", "showscale": True, "reversescale": run.direction == "minimize"}
    dimensions = [dimension(axis, shown) for axis in axes] + [{"label": escape(run.metric), "values": values}]
    figure.add_trace(go.Parcoords(line=line, dimensions=dimensions, labelangle=-20))
    figure.update_layout(margin={"l": 60, "r": 20, "t": 90, "b": 24})
    return figure


def lines(run: Run) -> int:
    """Return how many lines are drawn at most."""
    return min(LINES, NUMBERS // (len(run.names) + 1))


def dimension(axis: Axis, trials: Sequence[FrozenTrial]) -> dict[str, object]:
    """Return one axis of the parallel coordinates; trials whose branch was not taken are below it, at ``–``."""
    low, high = min(axis.ticks), max(axis.ticks)
    absent = low - 0.15 * (high - low or 1.0)
    ticks = dict(axis.ticks)
    if any(trial.number not in axis.places for trial in trials):
        ticks[absent] = "–"
    return {
        "label": axis.label,
        "values": [axis.places.get(trial.number, absent) for trial in trials],
        "tickvals": list(ticks),
        "ticktext": list(ticks.values()),
        "range": [min(ticks), high if high > min(ticks) else high + 1],
    }


def slices_part(run: Run, frame: pd.DataFrame) -> str:
    """The metric along each open value."""
    shown = [trial for trial in drawn(run, DOTS) if best_value(run, trial) is not None]
    figures = [figure for name in list(run.names)[:SLICES] if (figure := slice_of(run, shown, name)) is not None]
    if len(shown) < 2 or not figures:
        return ""
    keys = {"best": "best", "baseline": "baseline", "complete": "complete", "stopped-early": "stopped early"}
    legend = "".join(f'<span class="key" style="color:{COLOURS[kind]}">{label}</span>' for kind, label in keys.items())
    body = f'<p class="note">{legend}</p><div class="slices">{"".join(map(html, figures))}</div>'
    note = (
        f"{run.metric} at each trial's best epoch against each hyperparameter. Trials that were stopped early are shown"
    )
    note += " with the value that they had reached." + left_out(len(drawn(run, DOTS)), run)
    if len(run.names) > SLICES:
        note += f" The first {SLICES} of {len(run.names)} hyperparameters."
    return section("Hyperparameter slices", body, note=note)


def slice_of(run: Run, trials: Sequence[FrozenTrial], name: str) -> go.Figure | None:
    """Draw the metric of every trial along one open value."""
    axis = axis_of(run.names[name], trials, name)
    if axis is None:
        return None
    figure = blank(run.names[name], "", height=250)
    having = [trial for trial in trials if trial.number in axis.places][::-1]  # the best last, on top
    places = [axis.places[trial.number] for trial in having]
    colours = [COLOURS.get(kind(trial, best=trial is trials[0]), COLOURS["complete"]) for trial in having]
    strong = [trial is trials[0] or is_baseline(trial) for trial in having]
    figure.add_trace(
        go.Scatter(
            x=[10**place if axis.log else place for place in places], y=[best_value(run, trial) for trial in having],
            text=[f"trial {trial.number}: {escape(format_value(trial.params[name]))}" for trial in having],
            mode="markers", marker={"color": colours, "size": [11 if each else 6 for each in strong], "opacity": 0.75,
                    "symbol": ["diamond" if each else "circle" for each in strong]},
            hovertemplate="%{text}<br>%{y:.4f}<extra></extra>", showlegend=False,
        )
    )  # fmt: skip
    margin = 0.06 * (max(axis.ticks) - min(axis.ticks) or 1.0)
    ends = [min(axis.ticks) - margin, max(axis.ticks) + margin]  # powers of ten on a logarithmic axis
    ticks: dict[str, Any] = {"nticks": 6}
    if axis.choice or axis.whole:
        at = [10**place if axis.log else place for place in axis.ticks]
        ticks = {"tickvals": at, "ticktext": list(axis.ticks.values())}
    figure.update_layout(xaxis={**ticks, "type": "log" if axis.log else "linear", "range": ends})
    return figure.update_layout(margin={"l": 40, "r": 8, "t": 8, "b": 36})


def kind(trial: FrozenTrial, *, best: bool) -> str:
    """Return the key of a dot's colour."""
    return "best" if best else "baseline" if is_baseline(trial) else word(trial)
