"""The domains between two bounds: Uniform, Log and Int, each with its own rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from spaces.domains.domain import Int, Log, Uniform, on_grid
from spaces.problem import Path, is_number, reject

EXAMPLES = {
    "uniform": "{uniform: [0.0, 0.6]}",
    "log": "{log: [1.0e-4, 1.0e-2]}",
    "int": "{int: [32, 96], step: 16}",
    "choice": "{choice: [adam, sgd]}",
}


def parse_uniform(raw: Mapping[str, Any], path: Path) -> Uniform:
    """Parse `{uniform: [low, high], step?}`. Raises: RefusedError."""
    low, high = _bounds(raw, "uniform", path)
    step = _step(raw["step"], path) if "step" in raw else None
    if step is not None and (high - low) / step > 1e6:
        remedy = "use a larger step, or leave it out"
        reject((*path, "step"), "a step may divide the range into a million parts at most", given=step, remedy=remedy)
    domain = Uniform(low=low, high=high, step=step)
    if step is not None and not on_grid(domain, high):
        _reject_uneven(domain, step, path)
    return domain


def parse_log(raw: Mapping[str, Any], path: Path) -> Log:
    """Parse `{log: [low, high]}`. Raises: RefusedError."""
    low, high = _bounds(raw, "log", path)
    if low <= 0:
        remedy = "start above 0; to include 0 itself, write {choice: {off: 0, on: {log: [1.0e-6, 1.0e-2]}}}"
        reject((*path, "log"), "both bounds of a log domain must be above 0", given=raw["log"], remedy=remedy)
    return Log(low=low, high=high)


def parse_int(raw: Mapping[str, Any], path: Path) -> Int:
    """Parse `{int: [low, high], step? | log?}`. Raises: RefusedError."""
    low, high = _bounds(raw, "int", path)
    log = raw.get("log", False)
    if not isinstance(log, bool):
        remedy = "write log: true, or leave it out"
        reject((*path, "log"), "log must be true or false in an int domain", given=log, remedy=remedy)
    if log and "step" in raw:
        rule = "an int domain can have a step or log: true, but not both"
        reject((*path, "step"), rule, given=raw["step"], remedy="delete one of them")
    if log and low < 1:
        rule = "with log: true, an int domain must start at 1 or above"
        reject((*path, "int"), rule, given=raw["int"], remedy="raise the lower bound")
    step = _step(raw["step"], path, whole=True) if "step" in raw else 1
    domain = Int(low=int(low), high=int(high), step=int(step), log=log)
    if not on_grid(domain, high):
        _reject_uneven(domain, step, path)
    return domain


def _bounds(raw: Mapping[str, Any], key: str, path: Path) -> tuple[float, float]:
    given, here = raw[key], (*path, key)
    if not isinstance(given, tuple) or len(given) != 2:
        points = "; decimals take a point, as in 0.5" if isinstance(given, tuple) and len(given) > 2 else ""
        remedy = f"write it like {EXAMPLES[key]}{points}"
        reject(here, f"{key} takes two bounds, [low, high]", given=given, remedy=remedy)
    low, high = (_number(bound, here, whole=key == "int") for bound in given)
    if low >= high:
        remedy = "swap the bounds" if low > high else "widen the domain, or give the value itself"
        reject(here, "the lower bound must be less than the upper bound", given=given, remedy=remedy)
    return low, high


def _number(value: Any, path: Path, *, whole: bool = False) -> float:
    """Return the value as a finite number, or as a whole number, which stays exact."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or (whole and not isinstance(value, int)):
        rule = "must be a whole number" if whole else "must be a number"
        quoted = isinstance(value, str) and is_number(value)
        pointed = value.replace(",", ".") if isinstance(value, str) else ""
        wanted = f"write decimals with a point: {pointed}" if is_number(pointed) else f"give {rule[8:]}"
        reject(path, rule, given=value, remedy="write it without quotes" if quoted else wanted)
    limit = 2**53 if whole else 1e300
    if not -limit < value < limit:
        rule = "must be a whole number below 2^53" if whole else "must be a finite number"
        reject(path, rule, given=value, remedy="give a smaller number" if whole else "give a finite number below 1e300")
    return value if whole else float(value)


def _step(value: Any, path: Path, *, whole: bool = False) -> float:
    here = (*path, "step")
    step = _number(value, here, whole=whole)
    if step <= 0:
        reject(here, "a step must be above 0", given=value, remedy="give a positive step, or leave it out")
    return step


def _reject_uneven(domain: Uniform | Int, step: float, path: Path) -> NoReturn:
    """Reject a step that does not divide the range evenly, and name the nearest upper bound for which it would."""
    steps = max(1, round((domain.high - domain.low) / step))
    bound = domain.low + steps * step
    rule = f"the step must divide the range from {domain.low} to {domain.high} evenly"
    end = bound if isinstance(domain, Int) else float(f"{bound:.12g}")
    reject((*path, "step"), rule, given=step, remedy=f"end at {end}, or choose another step")
