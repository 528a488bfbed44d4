"""The domains that lie between two bounds: Uniform, Log, Int, each with its own rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from spaces.domains.domain import Int, Log, Uniform, on_grid
from spaces.problem import Path, is_number, refuse

EXAMPLES = {
    "uniform": "{uniform: [0.0, 0.6]}",
    "log": "{log: [1.0e-4, 1.0e-2]}",
    "int": "{int: [32, 96], step: 16}",
    "choice": "{choice: [adam, sgd]}",
}


def parse_uniform(raw: Mapping[str, Any], path: Path) -> Uniform:
    """The domain that `{uniform: [low, high], step?}` says. Raises: RefusedError."""
    low, high = _bounds(raw, "uniform", path)
    step = _step(raw["step"], path) if "step" in raw else None
    if step is not None and (high - low) / step > 1e6:
        remedy = "widen the step, or leave it out"
        refuse((*path, "step"), "a step must divide the range in at most a million parts", given=step, remedy=remedy)
    domain = Uniform(low=low, high=high, step=step)
    if step is not None and not on_grid(domain, high):
        _refuse_uneven(domain, step, path)
    return domain


def parse_log(raw: Mapping[str, Any], path: Path) -> Log:
    """The domain that `{log: [low, high]}` says. Raises: RefusedError."""
    low, high = _bounds(raw, "log", path)
    if low <= 0:
        remedy = "start above 0; for an exact 0 beside it: {choice: {off: 0, on: {log: [1.0e-6, 1.0e-2]}}}"
        refuse((*path, "log"), "a log domain must lie above 0", given=raw["log"], remedy=remedy)
    return Log(low=low, high=high)


def parse_int(raw: Mapping[str, Any], path: Path) -> Int:
    """The domain that `{int: [low, high], step? | log?}` says. Raises: RefusedError."""
    low, high = _bounds(raw, "int", path)
    log = raw.get("log", False)
    if not isinstance(log, bool):
        remedy = "write log: true, or leave it out"
        refuse((*path, "log"), "log must be true or false beside int", given=log, remedy=remedy)
    if log and "step" in raw:
        rule = "an int domain has a step or log: true, not both"
        refuse((*path, "step"), rule, given=raw["step"], remedy="delete one of them")
    if log and low < 1:
        rule = "with log: true, int must start at 1 or more"
        refuse((*path, "int"), rule, given=raw["int"], remedy="raise the low bound")
    step = _step(raw["step"], path, whole=True) if "step" in raw else 1
    domain = Int(low=int(low), high=int(high), step=int(step), log=log)
    if not on_grid(domain, high):
        _refuse_uneven(domain, step, path)
    return domain


def _bounds(raw: Mapping[str, Any], key: str, path: Path) -> tuple[float, float]:
    given, here = raw[key], (*path, key)
    if not isinstance(given, tuple) or len(given) != 2:
        refuse(here, f"{key} takes two bounds, [low, high]", given=given, remedy=f"write it like {EXAMPLES[key]}")
    low, high = (_number(bound, here, whole=key == "int") for bound in given)
    if low >= high:
        remedy = "swap the bounds" if low > high else "widen the domain, or write the value itself"
        refuse(here, "the low bound must be below the high bound", given=given, remedy=remedy)
    return low, high


def _number(value: Any, path: Path, *, whole: bool = False) -> float:
    """The value as a finite number; as a whole one, which stays exact, where wanted."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (whole and not isinstance(value, int)):
        rule = "must be a whole number" if whole else "must be a number"
        quoted = isinstance(value, str) and is_number(value)
        refuse(path, rule, given=value, remedy="write it without quotes" if quoted else f"give {rule[8:]}")
    limit = 2**53 if whole else 1e300
    if not -limit < value < limit:
        rule = "must be a whole number below 2^53" if whole else "must be a finite number"
        refuse(path, rule, given=value, remedy="give a smaller one" if whole else "give a finite one, below 1e300")
    return value if whole else float(value)


def _step(value: Any, path: Path, *, whole: bool = False) -> float:
    here = (*path, "step")
    step = _number(value, here, whole=whole)
    if step <= 0:
        refuse(here, "a step must be above 0", given=value, remedy="give a positive step, or leave it out")
    return step


def _refuse_uneven(domain: Uniform | Int, step: float, path: Path) -> NoReturn:
    """The step does not lead from the low bound to the high one: names the nearest bound to which it does."""
    steps = max(1, round((domain.high - domain.low) / step))
    bound = domain.low + steps * step
    rule = f"the step must divide the range from {domain.low} to {domain.high}"
    end = bound if isinstance(domain, Int) else float(f"{bound:.12g}")
    refuse((*path, "step"), rule, given=step, remedy=f"end at {end}, or choose another step")
