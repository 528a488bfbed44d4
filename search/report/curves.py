"""The learning curves of a run, and how far up the ladder its trials came."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from html import escape

import pandas as pd
import plotly.graph_objects as go
from optuna.trial import FrozenTrial

from search.report.page import section
from search.report.plot import COLOURS, blank, drawn, html, left_out, step, word
from search.run.reader import Run, best_trial, curve, epochs, is_baseline, reason
from search.study.rungs import ladder

CURVES = 200
"""No more learning curves than this are drawn: they would weigh megabytes and hide one another."""
POINTS = 100
"""No more epochs of a curve than this, spread evenly, its last one among them."""
STOPPED = ("stopped-early", "diverged", "failed")
"""Endings that are marked by a cross."""


def curves_part(run: Run, frame: pd.DataFrame) -> str:
    """The learning curves."""
    figure = learning_curves(run)
    note = f"{run.metric} by epoch. A cross is where a trial was stopped."
    note += left_out(len(drawn(run, CURVES)), run)
    return "" if figure is None else section("Learning curves", html(figure), note=note)


def learning_curves(run: Run) -> go.Figure | None:
    """The metric by epoch: all trials faint, a cross where one was stopped, the best and the baseline strong."""
    shown = [trial for trial in drawn(run, CURVES) if points(trial)]
    if not shown:
        return None
    best = best_trial(run)
    plain = [trial for trial in shown if trial is not best and not is_baseline(trial)]
    figure = blank("epoch", run.metric)
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
    """The finite points of a curve, thinned out where they are many."""
    finite = {epoch: value for epoch, value in curve(trial).items() if math.isfinite(value)}
    kept = list(finite)[:: -step(list(finite), POINTS)][::-1]
    return {epoch: finite[epoch] for epoch in kept}


def faint(trials: Sequence[FrozenTrial], name: str) -> go.Scatter:
    """One trace of many curves, with gaps between them."""
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
    """Where these trials were stopped."""
    last = [list(points(trial).items())[-1] for trial in trials]
    return go.Scatter(
        x=[epoch for epoch, _ in last], y=[value for _, value in last], text=[trial.number for trial in trials],
        name=name, legendgroup=name, showlegend=False, mode="markers", opacity=0.8,
        marker={"symbol": "x", "size": 7, "color": COLOURS[name]},
        hovertemplate=f"trial %{{text}}: {name}<br>epoch %{{x}}: %{{y:.4f}}<extra></extra>",
    )  # fmt: skip


def strong(trial: FrozenTrial, name: str) -> go.Scatter:
    """The curve of the best trial or of the baseline."""
    known = points(trial)
    return go.Scatter(
        x=list(known), y=list(known.values()), name=f"{name}: trial {trial.number}", mode="lines+markers",
        line={"width": 3, "color": COLOURS[name]}, marker={"size": 5 if len(known) < 30 else 1},
        hovertemplate="epoch %{x}: %{y:.4f}",
    )  # fmt: skip


def rungs_part(run: Run, frame: pd.DataFrame) -> str:
    """How many trials came to each rung, and how many of them went on."""
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
    heads = "".join(f"<th>{name}</th>" for name in ("epoch", "reached", "stopped", "went on"))
    body = f'<div class="wide"><table class="narrow"><thead><tr>{heads}<th class="text"></th></tr></thead>'
    note = "Trials are compared at these epochs by what they reached so far; a baseline is never stopped."
    note += " What neither was stopped there nor reaches the next one lost patience, failed, or still trains."
    return section("Rungs", f"{body}<tbody>{lines}</tbody></table></div>", note=note)


def rung_line(place: int, reached: dict[int, int], stopped: int, *, last: bool) -> str:
    """One rung: in figures, and as a bar of those that went on and those that were stopped."""
    went_on = reached[place] - stopped
    whole = max(1, *reached.values())
    figures = [f"{place} (the end)" if last else str(place), reached[place], "" if last else stopped]
    cells = "".join(f"<td>{escape(str(figure))}</td>" for figure in [*figures, "" if last else went_on])
    bars = [f'<span class="bar" style="width:{100 * went_on / whole:.0f}%"></span>'] * (went_on > 0)
    bars += [f'<span class="bar stopped" style="width:{100 * stopped / whole:.0f}%"></span>'] * (stopped > 0)
    return f'<tr>{cells}<td class="text"><span class="track">{"".join(bars)}</span></td></tr>'
