"""The figures of the report: learning curves, the course of the search, what mattered, all trials side by side."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import optuna
import plotly.graph_objects as go
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from search.opened import Run, best_value, curve, is_baseline, ranked, reason, state
from search.wording import compact, ending

CURVES = 200
"""No more learning curves than this are drawn: they would weigh megabytes and hide one another."""
LINES = 2000
"""Likewise for the lines of the parallel coordinates."""
ENOUGH = 8
"""Importances of fewer complete trials would say nothing."""
COLOURS = {
    "best": "#0a7d4b",
    "baseline": "#1f5fbf",
    "complete": "#8a949e",
    "stopped-early": "#d08a2e",
    "diverged": "#c0392b",
    "failed": "#7b3fa0",
    "unfinished": "#2a9db0",
}


def html(figure: go.Figure) -> str:
    """The figure as a part of a page that holds plotly's script already."""
    return str(
        figure.to_html(full_html=False, include_plotlyjs=False, config={"displayModeBar": False, "responsive": True})
    )


def blank(x: str, y: str, *, height: int = 420) -> go.Figure:
    """An empty figure in the style of the page."""
    figure = go.Figure()
    figure.update_layout(
        template="plotly_white",
        height=height,
        margin={"l": 48, "r": 12, "t": 8, "b": 40},
        font={"family": "system-ui, sans-serif", "size": 12},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="closest",
        xaxis={"title": x, "automargin": True},
        yaxis={"title": y, "automargin": True},
    )
    return figure


def drawn(run: Run, limit: int) -> list[FrozenTrial]:
    """The trials that a figure shows: the best, the baseline, and others spread evenly over the search."""
    order = ranked(run)
    first = [*order[:1], *(trial for trial in order[1:] if is_baseline(trial))]
    others = [trial for trial in run.trials if trial not in first]
    step = max(1, math.ceil(len(others) / max(1, limit - len(first))))
    return [*first, *others[::step]]


def learning_curves(run: Run) -> go.Figure | None:
    """The metric by epoch: all trials faint, a cross where one was stopped, the best and the baseline strong."""
    shown = [trial for trial in drawn(run, CURVES) if trial.intermediate_values]
    if not shown:
        return None
    best = next((trial for trial in ranked(run)[:1] if best_value(run, trial) is not None), None)
    plain = [trial for trial in shown if trial is not best and not is_baseline(trial)]
    figure = blank("epoch", run.metric)
    for name in ("complete", "stopped-early", "unfinished", "diverged", "failed"):
        group = [trial for trial in plain if word(trial) == name]
        if group:
            figure.add_trace(faint(group, name))
    for trial in shown:
        if is_baseline(trial) or trial is best:
            figure.add_trace(strong(trial, "best" if trial is best else "baseline"))
    return figure


def faint(trials: Sequence[FrozenTrial], name: str) -> go.Scatter:
    """One trace of many curves, with gaps between them; those that did not run to their end close with a cross."""
    x: list[int | None] = []
    y: list[float | None] = []
    labels: list[str] = []
    sizes: list[int] = []
    for trial in trials:
        points = {epoch: value for epoch, value in curve(trial).items() if math.isfinite(value)}
        last = max(points, default=0)
        x += [*points, None]
        y += [*points.values(), None]
        labels += [f"trial {trial.number}"] * (len(points) + 1)
        sizes += [7 if epoch == last and name in ("stopped-early", "diverged", "failed") else 0 for epoch in points] + [
            0
        ]
    colour = COLOURS[name]
    return go.Scatter(
        x=x, y=y, text=labels, name=f"{name} ({len(trials)})", mode="lines+markers", opacity=0.5, connectgaps=False,
        line={"width": 1, "color": colour},
        marker={"symbol": "x", "size": sizes, "color": colour, "line": {"width": 0}},
        hovertemplate="%{text}<br>epoch %{x}: %{y:.4f}<extra></extra>",
    )  # fmt: skip


def strong(trial: FrozenTrial, name: str) -> go.Scatter:
    """The curve of the best trial or of the baseline."""
    points = curve(trial)
    return go.Scatter(
        x=list(points), y=list(points.values()), name=f"{name}: trial {trial.number}", mode="lines",
        line={"width": 3, "color": COLOURS[name]}, hovertemplate="epoch %{x}: %{y:.4f}",
    )  # fmt: skip


def optimisation_history(run: Run) -> go.Figure | None:
    """Every trial's best value in the order of the search, the best so far as a line, the baseline's dashed."""
    valued = {trial.number: value for trial in run.trials if (value := best_value(run, trial)) is not None}
    if not valued:
        return None
    figure = blank("trial", f"best {run.metric}")
    words = {trial.number: word(trial) for trial in run.trials}
    for name in dict.fromkeys(words.values()):
        numbers = [number for number in valued if words[number] == name]
        if numbers:
            figure.add_trace(
                go.Scatter(
                    x=numbers, y=[valued[number] for number in numbers], mode="markers", name=name,
                    marker={"color": COLOURS.get(name, COLOURS["complete"]), "size": 7, "opacity": 0.75},
                    hovertemplate="trial %{x}: %{y:.4f}",
                )
            )  # fmt: skip
    sound = {number: value for number, value in valued.items() if words[number] not in ("diverged", "failed")}
    figure.add_trace(
        go.Scatter(x=list(sound), y=best_so_far(sound.values(), run), mode="lines", name="best so far",
                   line={"shape": "hv", "color": COLOURS["best"], "width": 2}, hoverinfo="skip")
    )  # fmt: skip
    for trial in run.trials:
        if is_baseline(trial) and trial.number in valued:
            figure.add_hline(y=valued[trial.number], line={"dash": "dash", "color": COLOURS["baseline"], "width": 1.5})
    return figure


def best_so_far(values: Iterable[float], run: Run) -> list[float]:
    """The running best of a row of values."""
    best: list[float] = []
    for value in values:
        best.append(value if not best else (max if run.direction == "maximize" else min)(best[-1], value))
    return best


def importances(run: Run) -> go.Figure | None:
    """How much of the differences each open value explains (PED-ANOVA, Watanabe et al. 2023), where it can be told."""
    complete = [trial for trial in run.trials if trial.state == TrialState.COMPLETE]
    if len(complete) < ENOUGH:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # such as shares that are equal because all trials are
            shares = optuna.importance.get_param_importances(run.study)
    except (ValueError, RuntimeError, ZeroDivisionError, UserWarning):  # such as values that never varied
        return None
    known = {run.names.get(name, name): share for name, share in shares.items() if math.isfinite(share)}
    if not known:
        return None
    names, widths = list(known)[::-1], list(known.values())[::-1]
    figure = blank("share", "", height=90 + 30 * len(names))
    figure.add_trace(
        go.Bar(x=widths, y=[escape(name) for name in names], orientation="h", marker={"color": COLOURS["baseline"]},
               text=[f"{width:.0%}" for width in widths], textposition="outside", cliponaxis=False, hoverinfo="skip")
    )  # fmt: skip
    figure.update_layout(xaxis={"tickformat": ".0%", "range": [0, 1.15 * max(widths) or 1]})
    return figure


def parallel_coordinates(run: Run) -> go.Figure | None:
    """An axis an open value, a line a trial, coloured by the metric. Drag along an axis to select."""
    shown = [trial for trial in drawn(run, LINES) if best_value(run, trial) is not None]
    if len(shown) < 2:
        return None
    values = [best_value(run, trial) for trial in shown]
    axes = [axis(escape(short), shown, name) for name, short in run.names.items()]
    axes = [entry for entry in axes if entry is not None]
    figure = blank("", "", height=460)
    line = {"color": values, "colorscale": "Viridis", "showscale": True, "reversescale": run.direction == "minimize"}
    figure.add_trace(
        go.Parcoords(line=line, dimensions=[*axes, {"label": escape(run.metric), "values": values}], labelangle=-20)
    )
    figure.update_layout(margin={"l": 60, "r": 20, "t": 90, "b": 24})
    return figure


def axis(label: str, trials: Sequence[FrozenTrial], name: str) -> dict[str, Any] | None:
    """One axis: logarithmic where the domain is, labelled where it is a choice; `–` where the branch was not taken."""
    domain = next((trial.distributions[name] for trial in trials if name in trial.params), None)
    if domain is None:
        return None
    if isinstance(domain, CategoricalDistribution):
        places = {repr(option): float(place) for place, option in enumerate(domain.choices)}
        raw = [places[repr(trial.params[name])] if name in trial.params else math.nan for trial in trials]
        ticks = {place: escape(str(option)) for option, place in zip(domain.choices, places.values(), strict=True)}
    else:
        log = isinstance(domain, (FloatDistribution, IntDistribution)) and domain.log
        scale = math.log10 if log else float
        raw = [scale(trial.params[name]) if name in trial.params else math.nan for trial in trials]
        ticks = {place: compact(10**place if log else place) for place in spread(raw)}
    low, high = min(ticks), max(ticks)
    absent = low - 0.15 * (high - low or 1.0)
    if any(math.isnan(value) for value in raw):
        ticks[absent] = "–"
    return {
        "label": label,
        "values": [absent if math.isnan(value) else value for value in raw],
        "tickvals": list(ticks),
        "ticktext": list(ticks.values()),
        "range": [min(ticks), high if high > min(ticks) else high + 1],
    }


def spread(values: Sequence[float], count: int = 5) -> list[float]:
    """The distinct values where they are few, else ``count`` places from the least to the greatest; NaN aside."""
    known = {value for value in values if not math.isnan(value)}
    if len(known) <= count:
        return sorted(known)
    low, high = min(known), max(known)
    return sorted({low + (high - low) * step / (count - 1) for step in range(count)})


def word(trial: FrozenTrial) -> str:
    """How the trial ended, as the legend tells it."""
    return ending(state(trial), reason(trial))
