"""The metrics that a sweep can optimise."""

from __future__ import annotations

from typing import Literal

Metric = Literal[
    "val_accuracy",
    "val_loss",
    "val_top5_accuracy",
    "val_macro_precision",
    "val_macro_recall",
    "val_macro_f1",
    "val_weighted_precision",
    "val_weighted_recall",
    "val_weighted_f1",
]
"""Measured on the validation part after every epoch. Macro averages weight all classes equally, weighted ones by their
images; top-5 accuracy needs more than five classes."""

Direction = Literal["maximize", "minimize"]


def maximised(metric: str) -> bool:
    """Whether a higher value of a metric is better; for losses, a lower one is."""
    return not metric.endswith("loss")


def direction_of(metric: str) -> Direction:
    """Return the direction of a metric, in Optuna's words."""
    return "maximize" if maximised(metric) else "minimize"
