"""The metrics that a sweep can be about."""

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
"""What is measured on the validation part after every epoch. Macro averages count each class alike, weighted ones by
its images; top-5 accuracy exists where there are more than five classes."""

Direction = Literal["maximize", "minimize"]


def maximised(metric: str) -> bool:
    """Whether more of a metric is better; less is for losses."""
    return not metric.endswith("loss")


def direction_of(metric: str) -> Direction:
    """The direction of a metric, as Optuna calls it."""
    return "maximize" if maximised(metric) else "minimize"
