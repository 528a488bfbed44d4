"""How important each hyperparameter was, and from how few trials that is known."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from html import escape

import optuna
import pandas as pd
import plotly.graph_objects as go
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.formatting import format_count
from search.report.page import section
from search.report.plot import COLOURS, blank, html, word
from search.run.reader import Run
from search.run.trials import best_value, curve

MIN_TRIALS = 8
"""Importances of fewer trials would mean nothing."""
SURE_TRIALS, SURE_EACH = 30, 10
"""Importances of fewer trials, in all and for each hyperparameter, are marked as rough."""


def importance_part(run: Run, frame: pd.DataFrame) -> str:
    """Hyperparameter importances."""
    figure = importances(run)
    if figure is None:
        text = (
            f"Not available: at least {MIN_TRIALS} different trials must have reached the first rung or finished; "
            f"{max(map(len, valued_trials(run).values()))} have."
        )
        return section("Hyperparameter importance", f'<p class="note">{text}</p>')
    note = "How much of the difference between good and other trials each hyperparameter explains. Almost every trial"
    note += " has a value at the first rung; those that finished are fewer, and a selection of the better ones."
    return section("Hyperparameter importance", html(figure), note=note + caution(run))


def caution(run: Run) -> str:
    """Return a sentence about how little the shares say, if they come from few trials; else nothing."""
    enough = max(SURE_TRIALS, SURE_EACH * len(run.names))
    few = [len(valued) for valued in valued_trials(run).values() if MIN_TRIALS <= len(valued) < enough]
    if not few:
        return ""
    numbers = " and ".join(map(str, few))
    return (
        f" From {numbers} trials for {format_count(len(run.names), 'hyperparameter')} the shares are rough: other"
        f" trials could order them differently; from {enough} on they say more."
    )


def valued_trials(run: Run) -> dict[str, list[tuple[FrozenTrial, float]]]:
    """Return the trials that importances are computed from, with their values: at the first rung, and at their end."""
    rung = first_rung(run)
    early = [(trial, value) for trial in run.trials if (value := best_by(run, trial, rung)) is not None]
    complete = [trial for trial in run.trials if trial.state == TrialState.COMPLETE]
    finished = [(trial, value) for trial in complete if (value := best_value(run, trial)) is not None]
    return {f"at epoch {rung}": early, "finished": finished}


def importances(run: Run) -> go.Figure | None:
    """Draw how much of the differences each open value explains (PED-ANOVA, Watanabe et al. 2023); None if unknown."""
    kinds = valued_trials(run)
    known = {f"{name} ({len(valued)} trials)": shares(run, valued) for name, valued in kinds.items()}
    known = {name: by_value for name, by_value in known.items() if by_value}
    if not known:
        return None
    names = sorted({name for by_value in known.values() for name in by_value}, key=list(run.names).index)
    first = next(iter(known.values()))
    names.sort(key=lambda name: first.get(name, 0.0))
    figure = blank("share", "", height=110 + 18 * len(names) * (1 + len(known)))
    colours = dict(zip(known, (COLOURS["baseline"], COLOURS["complete"]), strict=False))
    for label, by_value in reversed(known.items()):  # horizontal bars are stacked from below
        widths = [by_value.get(name, 0.0) for name in names]
        figure.add_trace(
            go.Bar(x=widths, y=[escape(run.names[name]) for name in names], orientation="h", name=label,
                   marker={"color": colours[label]}, text=[f"{width:.0%}" for width in widths], textposition="outside",
                   cliponaxis=False, hoverinfo="skip")
        )  # fmt: skip
    widest = max(width for by_value in known.values() for width in by_value.values())
    figure.update_layout(xaxis={"tickformat": ".0%", "range": [0, 1.18 * widest or 1]}, bargap=0.25)
    figure.update_layout(yaxis={"type": "category"}, legend={"traceorder": "reversed"}, showlegend=True)
    return figure


def first_rung(run: Run) -> int:
    """Return the epoch that every trial may reach: the first rung, or the last epoch if there are no rungs."""
    search = run.settings.search
    return run.settings.epochs if search.scheduler == "none" else min(search.grace_epochs, run.settings.epochs)


def best_by(run: Run, trial: FrozenTrial, epoch: int) -> float | None:
    """Return a trial's best value up to an epoch; None if it diverged, failed, or has not reached that epoch."""
    known = {at: value for at, value in curve(trial).items() if at <= epoch}
    reached = max(known, default=0) == epoch or trial.state == TrialState.COMPLETE
    if not known or not reached or word(trial) == "failed" or not all(map(math.isfinite, known.values())):
        return None
    return (max if run.direction == "maximize" else min)(known.values())


def shares(run: Run, valued: Sequence[tuple[FrozenTrial, float]]) -> dict[str, float]:
    """Return by full name how much of the differences each open value explains; empty if that is unknown."""
    if len(valued) < MIN_TRIALS:
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
