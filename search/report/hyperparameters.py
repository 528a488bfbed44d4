"""What the open values did: which of them mattered, and how the trials lie along each."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import optuna
import pandas as pd
import plotly.graph_objects as go
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.formatting import compact
from search.report.page import section
from search.report.plot import COLOURS, blank, drawn, html, left_out, word
from search.run.reader import Run, best_value, curve, is_baseline

ENOUGH = 8
"""Importances of fewer trials would say nothing."""
LINES, NUMBERS = 2000, 20_000
"""No more lines of the parallel coordinates than this, nor more numbers in them."""
DOTS, SLICES = 400, 24
"""No more trials in a slice than this, and no more slices."""


def importance_part(run: Run, frame: pd.DataFrame) -> str:
    """What mattered."""
    figure = importances(run)
    if figure is None:
        told = f"Cannot be told yet: it takes {ENOUGH} trials that differ, at the first rung or at their end."
        return section("What mattered", f'<p class="note">{told}</p>')
    note = "How much of the difference between good and other trials each open value explains. At the first rung every"
    note += " trial has a value; those that finished are few, and the better ones."
    return section("What mattered", html(figure), note=note)


def importances(run: Run) -> go.Figure | None:
    """How much of the differences each open value explains (PED-ANOVA, Watanabe et al. 2023), where it can be told."""
    rung = first_rung(run)
    early = [(trial, value) for trial in run.trials if (value := best_by(run, trial, rung)) is not None]
    complete = [trial for trial in run.trials if trial.state == TrialState.COMPLETE]
    finished = [(trial, value) for trial in complete if (value := best_value(run, trial)) is not None]
    kinds = {f"at epoch {rung}": early, "finished": finished}
    known = {f"{name} ({len(valued)} trials)": shares(run, valued) for name, valued in kinds.items()}
    known = {name: by_value for name, by_value in known.items() if by_value}
    if not known:
        return None
    names = sorted({name for by_value in known.values() for name in by_value}, key=list(run.names).index)
    first = next(iter(known.values()))
    names.sort(key=lambda name: first.get(name, 0.0))
    figure = blank("share", "", height=110 + 18 * len(names) * (1 + len(known)))
    colours = dict(zip(known, (COLOURS["baseline"], COLOURS["complete"]), strict=False))
    for told, by_value in reversed(known.items()):  # horizontal bars are stacked from below
        widths = [by_value.get(name, 0.0) for name in names]
        figure.add_trace(
            go.Bar(x=widths, y=[escape(run.names[name]) for name in names], orientation="h", name=told,
                   marker={"color": colours[told]}, text=[f"{width:.0%}" for width in widths], textposition="outside",
                   cliponaxis=False, hoverinfo="skip")
        )  # fmt: skip
    widest = max(width for by_value in known.values() for width in by_value.values())
    figure.update_layout(xaxis={"tickformat": ".0%", "range": [0, 1.18 * widest or 1]}, bargap=0.25)
    figure.update_layout(yaxis={"type": "category"}, legend={"traceorder": "reversed"})
    return figure


def first_rung(run: Run) -> int:
    """The epoch that every trial may reach: the first rung, or the last epoch where there are none."""
    search = run.settings.search
    return run.settings.epochs if search.scheduler == "none" else min(search.grace_epochs, run.settings.epochs)


def best_by(run: Run, trial: FrozenTrial, epoch: int) -> float | None:
    """The best that a trial had reached by an epoch; None where it diverged, failed, or has not come so far."""
    known = {at: value for at, value in curve(trial).items() if at <= epoch}
    came = max(known, default=0) == epoch or trial.state == TrialState.COMPLETE
    if not known or not came or word(trial) == "failed" or not all(map(math.isfinite, known.values())):
        return None
    return (max if run.direction == "maximize" else min)(known.values())


def shares(run: Run, valued: Sequence[tuple[FrozenTrial, float]]) -> dict[str, float]:
    """By full name, how much of the differences between these values each open value explains; empty if untold."""
    if len(valued) < ENOUGH:
        return {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction=run.direction)
    study.add_trials(
        create_trial(value=value, params=trial.params, distributions=trial.distributions) for trial, value in valued
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # such as shares that are equal because all trials are
            found = optuna.importance.get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    except (ValueError, RuntimeError, ZeroDivisionError, UserWarning):  # such as values that never varied
        return {}
    return {name: share for name, share in found.items() if math.isfinite(share) and name in run.names}


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Where trials lie along an open value: its logarithm where the domain is logarithmic, a choice by its place."""

    label: str
    log: bool
    choice: bool
    places: Mapping[int, float]
    """By trial number; those whose branch was not taken are not there."""
    ticks: Mapping[float, str]


def axis_of(label: str, trials: Sequence[FrozenTrial], name: str) -> Axis | None:
    """The axis of an open value; None where none of the trials has it."""
    having = {trial.number: trial.params[name] for trial in trials if name in trial.params}
    if not having:
        return None
    domain = next(trial.distributions[name] for trial in trials if name in trial.params)
    log = isinstance(domain, (FloatDistribution, IntDistribution)) and domain.log
    choice = isinstance(domain, CategoricalDistribution)
    if isinstance(domain, CategoricalDistribution):
        known = {repr(option): float(place) for place, option in enumerate(domain.choices)}
        ticks = {float(place): str(option) for place, option in enumerate(domain.choices)}
        places = {number: known[repr(value)] for number, value in having.items()}
    else:
        places = {number: math.log10(value) if log else float(value) for number, value in having.items()}
        ticks = {place: compact(10**place if log else place) for place in spread(places.values())}
    ticks = {place: escape(tick) for place, tick in ticks.items()}
    return Axis(label=escape(label), log=log, choice=choice, places=places, ticks=ticks)


def spread(values: Iterable[float], count: int = 5) -> list[float]:
    """The distinct values where they are few, else ``count`` places from the least to the greatest."""
    known = set(values)
    if len(known) <= count:
        return sorted(known)
    low, high = min(known), max(known)
    return sorted({low + (high - low) * step / (count - 1) for step in range(count)})


def parallel_part(run: Run, frame: pd.DataFrame) -> str:
    """All trials side by side."""
    figure = parallel_coordinates(run)
    if figure is None:
        return ""
    width = 110 * (len(run.names) + 1)
    body = f'<div class="wide"><div style="min-width:{width}px">{html(figure)}</div></div>'
    note = "A line a trial. Drag along an axis to select." + left_out(len(drawn(run, lines(run))), run)
    return section("All trials side by side", body, note=note)


def parallel_coordinates(run: Run) -> go.Figure | None:
    """An axis an open value, a line a trial, coloured by the metric. Drag along an axis to select."""
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
    """No more lines than this are drawn."""
    return min(LINES, NUMBERS // (len(run.names) + 1))


def dimension(axis: Axis, trials: Sequence[FrozenTrial]) -> dict[str, object]:
    """One axis of the parallel coordinates; trials whose branch was not taken lie below it, at ``–``."""
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
    legend = "".join(f'<span class="key" style="color:{COLOURS[kind]}">{told}</span>' for kind, told in keys.items())
    body = f'<p class="note">{legend}</p><div class="slices">{"".join(map(html, figures))}</div>'
    note = f"{run.metric} of each trial's best epoch along every open value. A trial that was stopped early stands"
    note += " where it was by then." + left_out(len(drawn(run, DOTS)), run)
    if len(run.names) > SLICES:
        note += f" The first {SLICES} of {len(run.names)} values."
    return section("Value by value", body, note=note)


def slice_of(run: Run, trials: Sequence[FrozenTrial], name: str) -> go.Figure | None:
    """The metric of every trial along one open value."""
    axis = axis_of(run.names[name], trials, name)
    if axis is None:
        return None
    figure = blank(run.names[name], "", height=250)
    having = [trial for trial in trials if trial.number in axis.places][::-1]  # the best is drawn last, on top
    places = [axis.places[trial.number] for trial in having]
    colours = [COLOURS.get(kind(trial, best=trial is trials[0]), COLOURS["complete"]) for trial in having]
    strong = [trial is trials[0] or is_baseline(trial) for trial in having]
    figure.add_trace(
        go.Scatter(
            x=[10**place if axis.log else place for place in places], y=[best_value(run, trial) for trial in having],
            text=[f"trial {trial.number}: {escape(compact(trial.params[name]))}" for trial in having], mode="markers",
            marker={"color": colours, "size": [11 if each else 6 for each in strong], "opacity": 0.75,
                    "symbol": ["diamond" if each else "circle" for each in strong]},
            hovertemplate="%{text}<br>%{y:.4f}<extra></extra>", showlegend=False,
        )
    )  # fmt: skip
    margin = 0.06 * (max(axis.ticks) - min(axis.ticks) or 1.0)
    ends = [min(axis.ticks) - margin, max(axis.ticks) + margin]  # of a logarithmic axis, too, in powers of ten
    ticks = {"tickvals": list(axis.ticks), "ticktext": list(axis.ticks.values())} if axis.choice else {"nticks": 6}
    figure.update_layout(xaxis={**ticks, "type": "log" if axis.log else "linear", "range": ends})
    return figure.update_layout(margin={"l": 40, "r": 8, "t": 8, "b": 36})


def kind(trial: FrozenTrial, *, best: bool) -> str:
    """By what a dot is coloured."""
    return "best" if best else "baseline" if is_baseline(trial) else word(trial)
