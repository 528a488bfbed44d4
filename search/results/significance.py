"""How sure a difference between two configurations is, from scores of both on the same seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

ALPHA = 0.05
"""A difference is taken for real where chance alone would show one as large in fewer than this share of cases."""
MIN_SEEDS = 2
"""Of fewer seeds nothing can be said about how scores scatter."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The leading configuration against another one."""

    trial: int
    """The number of the other one."""
    difference: float
    """Mean of the paired differences, at least 0 where the leader is better."""
    p: float
    """Two-sided, adjusted by Holm for the number of comparisons; in [0, 1]."""
    visible: float
    """The smallest difference that would have been taken for real, with these seeds and this scatter."""
    seeds: int

    @property
    def tied(self) -> bool:
        """Whether the two cannot be told apart."""
        return self.p >= ALPHA


def comparisons(
    scores: Mapping[int, Mapping[int, float]], leader: int, *, maximise: bool, overlap: float
) -> dict[int, Comparison]:
    """The leader against every other configuration that shares at least two seeds with it, by number.

    Args:
        scores: of each configuration, by trial number and seed.
        leader: the number of the first one.
        maximise: whether more is better.
        overlap: validation images a training image where each seed divides the two anew; 0 where they stay the same.
    """
    sign, compared = (1.0 if maximise else -1.0), {}
    for number, by_seed in scores.items():
        shared = sorted(scores[leader].keys() & by_seed.keys())
        if number != leader and len(shared) >= MIN_SEEDS:
            compared[number] = [sign * (scores[leader][seed] - by_seed[seed]) for seed in shared]
    raw = {number: p_value(differences, overlap=overlap) for number, differences in compared.items()}
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    return {
        number: Comparison(
            trial=number,
            difference=float(np.mean(differences)),
            p=adjusted[number],
            visible=smallest_visible(differences, overlap=overlap, comparisons=len(compared)),
            seeds=len(differences),
        )
        for number, differences in compared.items()
    }


def p_value(differences: Sequence[float], *, overlap: float) -> float:
    """Two-sided, of a mean difference of 0, by the corrected resampled t-test; in [0, 1].

    Scores on overlapping splits scatter less than independent ones would, so that a plain t-test is too sure of itself;
    Nadeau and Bengio ("Inference for the Generalization Error", Machine Learning 52, 2003, section 3) add
    ``overlap``, test over training images, to 1/n. Without resampling, at 0, it is the paired t-test.
    """
    mean, error = float(np.mean(differences)), standard_error(differences, overlap=overlap)
    if error == 0.0:
        return 1.0 if mean == 0.0 else 0.0
    return float(2 * stats.t.sf(abs(mean) / error, len(differences) - 1))


def smallest_visible(differences: Sequence[float], *, overlap: float, comparisons: int) -> float:
    """The mean difference whose p would be `ALPHA` ÷ ``comparisons``, the strictest of Holm's thresholds."""
    quantile = stats.t.isf(ALPHA / comparisons / 2, len(differences) - 1)
    return float(quantile * standard_error(differences, overlap=overlap))


def standard_error(differences: Sequence[float], *, overlap: float) -> float:
    """Of the mean of paired differences, corrected for overlapping splits."""
    spread = float(np.std(differences, ddof=1))
    # Of equal differences rounding leaves something like 1e-17, of which a t-test would make certainty.
    if spread <= 1e-12 * max(map(abs, differences), default=0.0):
        return 0.0
    return math.sqrt(1 / len(differences) + overlap) * spread


def holm(p_values: Sequence[float]) -> list[float]:
    """The same p-values, adjusted for their number (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, least = [0.0] * len(p_values), 0.0
    for place, position in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - place) * p_values[position]))
        adjusted[position] = least
    return adjusted
