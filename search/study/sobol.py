"""Quasi-random configurations: points of a Sobol sequence, which fill a space more evenly than random ones.

(Sobol, "On the distribution of points in a cube and the approximate evaluation of integrals", 1967; scrambled as by
Owen, "Scrambling Sobol' and Niederreiter-Xing points", 1998.)
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from search.study.space import Suggest
from spaces.domains.domain import Branches, Choice, Domain, Int, Log, Scalar, size
from spaces.file.sweep import Sweep

BLOCK = 1024
"""Points are computed so many at a time; a power of two, by which the sequence is balanced."""


def sobol(sweep: Sweep, *, index: int) -> Suggest:
    """Return what suggests the values of one point of the sequence that is scrambled by the seed of the search.

    Every open value has a dimension of its own, those inside branches too: a point has a value for each of them, and
    those of the branches not taken are left aside.

    Args:
        sweep: its space.
        index: of the point, from 0.
    """
    names = tuple(sweep.open_values)
    point = dict(zip(names, _points(len(names), sweep.search.seed, index // BLOCK)[index % BLOCK], strict=True))
    return lambda name, domain: value_at(domain, float(point[name]))


def value_at(domain: Domain, position: float) -> Scalar:
    """Return the value of a domain at a position in [0, 1): each option or grid point has the same share of it."""
    count = size(domain)
    place = int(position * count) if math.isfinite(count) else 0
    if isinstance(domain, (Choice, Branches)):
        return list(domain.options)[place]
    if isinstance(domain, Int):
        return _whole(domain, position) if domain.log else domain.low + place * domain.step
    if isinstance(domain, Log):
        return _clipped(domain.low * (domain.high / domain.low) ** position, domain.low, domain.high)
    if domain.step is not None:
        return _clipped(domain.low + place * domain.step, domain.low, domain.high)
    return _clipped(domain.low + position * (domain.high - domain.low), domain.low, domain.high)


@lru_cache(maxsize=4)
def _points(dimensions: int, seed: int, block: int) -> NDArray[np.float64]:
    """Return one block of the sequence, of shape (BLOCK, dimensions)."""
    sequence = qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(seed))
    if block:
        sequence.fast_forward(block * BLOCK)
    points: NDArray[np.float64] = sequence.random(BLOCK)
    return points


def _whole(domain: Int, position: float) -> int:
    """Return a whole number with a uniform logarithm; as in Optuna the bounds are half a unit wider."""
    low, high = domain.low - 0.5, domain.high + 0.5
    return int(_clipped(round(low * (high / low) ** position), domain.low, domain.high))


def _clipped(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
