"""What the figures of the report share: their colours, which trials they draw, and how they come into the page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from optuna.trial import FrozenTrial
from plotly.utils import PlotlyJSONEncoder

from search.formatting import ending
from search.run.reader import Run, is_baseline, ranked, reason, state

DIGITS = 5
"""Significant digits of the numbers in a figure: more cannot be seen, and would weigh."""
COLOURS = {
    "best": "#0a7d4b",
    "baseline": "#1f5fbf",
    "complete": "#7c8792",
    "stopped-early": "#d08a2e",
    "diverged": "#c0392b",
    "failed": "#7b3fa0",
    "unfinished": "#2a9db0",
}
"""By how a trial ended; the best and the baseline have their own."""


def html(figure: go.Figure) -> str:
    """The figure as a part of a page, whose script draws it; nothing in it can end the element that it stands in."""
    told = figure.to_plotly_json()
    told["layout"].pop("template", None)
    plain = json.dumps(rounded(told), cls=PlotlyJSONEncoder, separators=(",", ":"), allow_nan=False)
    safe = plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    height = int(figure.layout.height)
    script = f'<script type="application/json">{safe}</script>'
    return f'<div class="figure" style="height:{height}px">{script}</div>'


def rounded(value: Any) -> Any:
    """Plain data with fewer digits; what is no finite number is null."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, (list, tuple)) else value


def blank(x: str, y: str, *, height: int = 420) -> go.Figure:
    """An empty figure; its style is the page's. The titles of the axes are text."""
    titles = {"xaxis": {"title": {"text": escape(x)}}, "yaxis": {"title": {"text": escape(y)}}}
    return go.Figure(layout={"height": height, **titles})


def drawn(run: Run, limit: int) -> list[FrozenTrial]:
    """The trials that a figure shows: the best, the baseline, and others spread evenly over the search."""
    order = ranked(run)
    first = [*order[:1], *(trial for trial in order[1:] if is_baseline(trial))]
    numbers = {trial.number for trial in first}
    others = [trial for trial in run.trials if trial.number not in numbers]
    return [*first, *others[:: step(others, limit - len(first))]]


def step(values: Sequence[object], limit: int) -> int:
    """Every how manieth is taken so that there are no more than ``limit``."""
    return max(1, math.ceil(len(values) / max(1, limit)))


def word(trial: FrozenTrial) -> str:
    """How the trial ended, as the legend tells it."""
    return ending(state(trial), reason(trial))


def left_out(shown: int, run: Run) -> str:
    """What to say where a figure does not show all trials."""
    if shown >= len(run.trials):
        return ""
    return f" {shown:,} of {len(run.trials):,} trials are drawn: best, baseline, and others spread over the search."
