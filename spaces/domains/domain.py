"""What a sweep file may write instead of a value: Uniform, Log, Int, Choice — and Branches, a choice among subtrees."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spaces.problem import shown

Scalar = bool | int | float | str | None

DOMAIN_KEYS = frozenset({"uniform", "log", "int", "choice"})
"""The keys that make a mapping in a sweep file a domain."""


class NoBaseline:
    """The type of `NO_BASELINE`, which stands where a domain names no baseline (None is a legal choice)."""

    def __repr__(self) -> str:
        return "no baseline"


NO_BASELINE = NoBaseline()


@dataclass(frozen=True, kw_only=True)
class Uniform:
    """A real number in ``[low, high]``, on the grid ``low + k · step`` where a step is given."""

    low: float
    high: float
    step: float | None = None
    baseline: float | NoBaseline = NO_BASELINE


@dataclass(frozen=True, kw_only=True)
class Log:
    """A positive real number in ``[low, high]``, its logarithm uniform."""

    low: float
    high: float
    baseline: float | NoBaseline = NO_BASELINE


@dataclass(frozen=True, kw_only=True)
class Int:
    """A whole number in ``[low, high]``: on the grid ``low + k · step``, or with its logarithm uniform."""

    low: int
    high: int
    step: int = 1
    log: bool = False
    baseline: int | NoBaseline = NO_BASELINE


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several scalars."""

    options: tuple[Scalar, ...]
    baseline: Scalar | NoBaseline = NO_BASELINE


@dataclass(frozen=True, kw_only=True)
class Branches:
    """One of several labelled subtrees; the values left open inside one exist only when it is taken."""

    options: Mapping[str, Any]
    baseline: str | NoBaseline = NO_BASELINE


Domain = Uniform | Log | Int | Choice | Branches


def describe(domain: Domain) -> str:
    """A domain in words, as in "a whole number from 8 to 32 in steps of 8"."""
    if isinstance(domain, (Choice, Branches)):
        return "one of " + ", ".join(shown(option) for option in domain.options)
    noun = "a whole number" if isinstance(domain, Int) else "a number"
    step = None if isinstance(domain, Log) or (isinstance(domain, Int) and domain.step == 1) else domain.step
    return f"{noun} from {domain.low} to {domain.high}" + (f" in steps of {step}" if step else "")


def extremes(domain: Domain) -> tuple[Scalar, ...]:
    """The values at which a mistake in a domain shows first: both ends, or every option."""
    if isinstance(domain, (Choice, Branches)):
        return tuple(domain.options)
    return (domain.low, domain.high)


def size(domain: Domain) -> float:
    """How many values a domain holds; infinity for a continuous one. Branches count their labels only."""
    if isinstance(domain, (Choice, Branches)):
        return len(domain.options)
    if isinstance(domain, Int):
        return (domain.high - domain.low) // domain.step + 1
    if isinstance(domain, Uniform) and domain.step is not None:
        return round((domain.high - domain.low) / domain.step) + 1
    return math.inf


def contains(domain: Domain, value: Any) -> bool:
    """Whether ``value`` (of the right type: bool is no number) lies in the domain, on its grid if it has one."""
    if isinstance(domain, Branches):
        return isinstance(value, str) and value in domain.options
    if isinstance(domain, Choice):
        return any(type(option) is type(value) and option == value for option in domain.options)
    if isinstance(value, bool) or not isinstance(value, int if isinstance(domain, Int) else (int, float)):
        return False
    return bool(domain.low <= value <= domain.high) and on_grid(domain, value)


def on_grid(domain: Uniform | Log | Int, value: float) -> bool:
    """Whether ``value`` is ``low + k · step`` for a whole k; always true where there is no step."""
    if isinstance(domain, Int):
        return (value - domain.low) % domain.step == 0
    if isinstance(domain, Log) or domain.step is None:
        return True
    steps = (value - domain.low) / domain.step
    return math.isclose(steps, round(steps), rel_tol=0, abs_tol=1e-8)
