"""The learning curves of a run, and how many of its trials reached each rung."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from html import escape

import pandas as pd
import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from search.halving.rungs import ladder
from search.report.page import section
from search.report.plot import COLOURS, blank, drawn, html, left_out, step, whole_ticks, word
from search.run.reader import Run
from search.run.trials import best_trial, curve, epochs, is_baseline, reason

CURVES = 200
"""The most learning curves that are drawn: more would take megabytes and hide one another."""
POINTS = 100
"""The most epochs of a curve that are drawn, evenly spaced, the last one included."""
STOPPED = ("stopped-early", "diverged", "failed")
"""Endings that are marked with a cross."""


def curves_part(run: Run, frame: pd.DataFrame) -> str:
    """The learning curves."""
    figure = learning_curves(run)
    note = f"{run.metric} by epoch. A cross marks where a trial was stopped."
    note += left_out(len(drawn(run, CURVES)), run)
    return "" if figure is None else section("Learning curves", html(figure), note=note)


def learning_curves(run: Run) -> go.Figure | None:
    """Draw the metric by epoch: the best and the baseline strong, the others faint, a cross where one was stopped."""
    shown = [trial for trial in drawn(run, CURVES) if points(trial)]
    if not shown:
        return None
    best = best_trial(run)
    plain = [trial for trial in shown if trial is not best and not is_baseline(trial)]
    figure = blank("epoch", run.metric)
    figure.update_xaxes(whole_ticks(epoch for trial in shown for epoch in points(trial)))
    for name in ("complete", "stopped-early", "unfinished", "diverged", "failed"):
        group = [trial for trial in plain if word(trial) == name]
        if group:
            figure.add_trace(faint(group, name))
        if group and name in STOPPED:
            figure.add_trace(crosses(group, name))
    for trial in shown:
        if is_baseline(trial) or trial is best:
            figure.add_trace(strong(trial, "best" if trial is best else "baseline"))
    return figure


def points(trial: FrozenTrial) -> dict[int, float]:
    """Return the finite points of a curve, thinned out if there are many."""
    finite = {epoch: value for epoch, value in curve(trial).items() if math.isfinite(value)}
    kept = list(finite)[:: -step(list(finite), POINTS)][::-1]
    return {epoch: finite[epoch] for epoch in kept}


def faint(trials: Sequence[FrozenTrial], name: str) -> go.Scatter:
    """Draw many curves as one trace, with gaps between them."""
    x: list[int | None] = []
    y: list[float | None] = []
    numbers: list[int] = []
    for trial in trials:
        known = points(trial)
        x += [*known, None]
        y += [*known.values(), None]
        numbers += [trial.number] * (len(known) + 1)
    return go.Scatter(
        x=x, y=y, text=numbers, name=f"{name} ({len(trials)})", legendgroup=name, opacity=0.45, connectgaps=False,
        mode="lines+markers" if all(len(points(trial)) == 1 for trial in trials) else "lines",
        line={"width": 1, "color": COLOURS[name]}, marker={"size": 4},
        hovertemplate="trial %{text}<br>epoch %{x}: %{y:.4f}<extra></extra>",
    )  # fmt: skip


def crosses(trials: Sequence[FrozenTrial], name: str) -> go.Scatter:
    """Mark where these trials were stopped."""
    last = [list(points(trial).items())[-1] for trial in trials]
    return go.Scatter(
        x=[epoch for epoch, _ in last], y=[value for _, value in last], text=[trial.number for trial in trials],
        name=name, legendgroup=name, showlegend=False, mode="markers", opacity=0.8,
        marker={"symbol": "x", "size": 7, "color": COLOURS[name]},
        hovertemplate=f"trial %{{text}}: {name}<br>epoch %{{x}}: %{{y:.4f}}<extra></extra>",
    )  # fmt: skip


def strong(trial: FrozenTrial, name: str) -> go.Scatter:
    """Draw the curve of the best trial or of the baseline."""
    known = points(trial)
    return go.Scatter(
        x=list(known), y=list(known.values()), name=f"{name}: trial {trial.number}", mode="lines+markers",
        line={"width": 3, "color": COLOURS[name]}, marker={"size": 5 if len(known) < 30 else 1},
        hovertemplate="epoch %{x}: %{y:.4f}",
    )  # fmt: skip


def rungs_part(run: Run, frame: pd.DataFrame) -> str:
    """How many trials reached each rung, and how many of them were promoted."""
    search, horizon = run.settings.search, run.settings.epochs
    if search.scheduler == "none" or not run.trials:
        return ""
    rungs = ladder(grace_epochs=search.grace_epochs, reduction_factor=search.reduction_factor, epochs=horizon)
    places = [*rungs, horizon]
    reached = {place: sum(epochs(trial) >= place for trial in run.trials) for place in places}
    stopped = Counter(
        max((place for place in places if place <= epochs(trial)), default=0)
        for trial in run.trials
        if reason(trial) == "asha"
    )
    lines = "".join(rung_line(place, reached, stopped[place], last=place == horizon) for place in places)
    heads = "".join(f"<th>{name}</th>" for name in ("epoch", "reached", "stopped", "continued"))
    body = f'<div class="wide"><table class="narrow"><thead><tr>{heads}<th class="text"></th></tr></thead>'
    note = "Trials are compared at these epochs by their best value so far; the baseline is never stopped. Trials that"
    note += (
        " neither were stopped at a rung nor reached the next one ran out of patience, failed, or are still training."
    )
    return section("Rungs", f"{body}<tbody>{lines}</tbody></table></div>", note=note)


def rung_line(place: int, reached: dict[int, int], stopped: int, *, last: bool) -> str:
    """One rung: in numbers, and as a bar of the trials that continued and those that were stopped."""
    continued = reached[place] - stopped
    whole = max(1, *reached.values())
    figures = [f"{place} (last)" if last else str(place), reached[place], "" if last else stopped]
    cells = "".join(f"<td>{escape(str(figure))}</td>" for figure in [*figures, "" if last else continued])
    bars = [f'<span class="bar" style="width:{100 * continued / whole:.0f}%"></span>'] * (continued > 0)
    bars += [f'<span class="bar stopped" style="width:{100 * stopped / whole:.0f}%"></span>'] * (stopped > 0)
    return f'<tr>{cells}<td class="text"><span class="track">{"".join(bars)}</span></td></tr>'
