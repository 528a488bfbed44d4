"""What a training run remembers: a row an epoch. Early stopping and learning-rate schedules are functions of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Row = dict[str, float]
"""One epoch: epoch (from 1), loss (with penalties, smoothed labels and class weights), accuracy, val_loss (the
cross-entropy alone), the other metrics of `spaces.config.metric`, features (a `Source` of `trainables.features.policy`;
of backbones alone), learning_rate, seconds."""

Reason = Literal["finished", "patience", "diverged"]
"""Why a training run ended by itself: it reached its last epoch, it stopped improving, its loss was not finite."""


def epochs_without_gain(values: Sequence[float], *, maximise: bool, min_delta: float = 0.0) -> int:
    """How many epochs ago the metric was last better, by more than ``min_delta``, than ever before."""
    best, waited = -math.inf, 0
    for value in values:
        gain = value if maximise else -value
        better = gain > best + min_delta
        best, waited = (gain, 0) if better else (best, waited + 1)
    return waited
