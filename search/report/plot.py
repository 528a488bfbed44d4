"""What the figures of the report share: colours, which trials are drawn, how a figure is embedded in the page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from optuna.trial import FrozenTrial
from plotly.utils import PlotlyJSONEncoder

from search.formatting import ending
from search.run.reader import Run
from search.run.trials import is_baseline, ranked, reason, state

DIGITS = 5
"""Significant digits of the numbers in a figure: more would be invisible and only add bytes."""
WHOLE_SPAN = 12
"""Up to this span of whole numbers every one has a tick."""
COLOURS = {
    "best": "#0a7d4b",
    "baseline": "#1f5fbf",
    "complete": "#7c8792",
    "stopped-early": "#d08a2e",
    "diverged": "#c0392b",
    "failed": "#7b3fa0",
    "unfinished": "#2a9db0",
}
"""By how a trial ended; the best and the baseline have their own colours."""


def html(figure: go.Figure) -> str:
    """Return a figure as HTML; the page's script draws it. Nothing in it can close the element that it is in."""
    content = figure.to_plotly_json()
    content["layout"].pop("template", None)
    plain = json.dumps(rounded(content), cls=PlotlyJSONEncoder, separators=(",", ":"), allow_nan=False)
    safe = plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    height = int(figure.layout.height)
    script = f'<script type="application/json">{safe}</script>'
    return f'<div class="figure" style="height:{height}px">{script}</div>'


def rounded(value: Any) -> Any:
    """Return plain data with fewer digits; NaN and infinity become null."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, (list, tuple)) else value


def blank(x: str, y: str, *, height: int = 420) -> go.Figure:
    """Return an empty figure in the style of the page, with these axis titles."""
    titles = {"xaxis": {"title": {"text": escape(x)}}, "yaxis": {"title": {"text": escape(y)}}}
    return go.Figure(layout={"height": height, **titles})


def whole_ticks(values: Iterable[float]) -> dict[str, Any]:
    """Return the settings of an axis of whole numbers that has ticks at whole numbers only.

    Over a wider span Plotly's own steps are whole.
    """
    known = list(values)
    narrow = not known or max(known) - min(known) <= WHOLE_SPAN
    return {"tick0": 0, "dtick": 1} if narrow else {}


def drawn(run: Run, limit: int) -> list[FrozenTrial]:
    """Return the trials that a figure shows: the best, the baseline, and others spaced evenly over the search."""
    order = ranked(run)
    first = [*order[:1], *(trial for trial in order[1:] if is_baseline(trial))]
    numbers = {trial.number for trial in first}
    others = [trial for trial in run.trials if trial.number not in numbers]
    return [*first, *others[:: step(others, limit - len(first))]]


def step(values: Sequence[object], limit: int) -> int:
    """Return the stride that leaves at most ``limit`` of the values."""
    return max(1, math.ceil(len(values) / max(1, limit)))


def word(trial: FrozenTrial) -> str:
    """Return how the trial ended, as in the legend."""
    return ending(state(trial), reason(trial))


def left_out(shown: int, run: Run) -> str:
    """Return the note of a figure that does not show all trials."""
    if shown >= len(run.trials):
        return ""
    return f" {shown:,} of {len(run.trials):,} trials are drawn: the best, the baseline, and a sample of the others."
