"""The metrics that a sweep can be about."""

from __future__ import annotations

from typing import Literal

Direction = Literal["maximize", "minimize"]


def maximised(metric: str) -> bool:
    """Whether more of a metric is better; less is for losses."""
    return not metric.endswith("loss")


def direction_of(metric: str) -> Direction:
    """The direction of a metric, as Optuna calls it."""
    return "maximize" if maximised(metric) else "minimize"
