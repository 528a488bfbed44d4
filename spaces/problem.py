"""What is wrong with an input, told so that its author can mend it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from spaces.printable import printable

Path = tuple[str | int, ...]
"""Where a value stands: the keys (and list positions) that lead to it from the top of the file."""


def dotted(path: Path) -> str:
    """``("trial", "model", "dropout")`` → ``"trial.model.dropout"``."""
    return ".".join(str(part) for part in path)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake: where it stands, the rule it breaks, what was given, and what to do."""

    path: Path = ()
    rule: str
    given: str | None = None
    remedy: str
    line: int | None = None
    source: str | None = None
    """Where the value came from, if not from the file itself: an override such as ``--set model.dropout=2``."""

    def told(self, source: str) -> str:
        """The mistake as three short lines, whatever names and values are made of; ``source`` is the file's name."""
        where = self.source or (f"{source}:{self.line}" if self.line is not None else source)
        place = f"{where}  {dotted(self.path)}" if self.path else where
        rule = self.rule if self.given is None else f"{self.rule}; got {self.given}"
        return f"{printable(place)}\n    {printable(rule)}\n    → {printable(self.remedy)}"


class WorkFailedError(Exception):
    """The input was right and the work failed all the same; the message says what to do next."""


class InputError(Exception):
    """The input is wrong and nothing was started. Holds every mistake found, not only the first."""

    def __init__(self, problems: Sequence[Problem], source: str) -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__("\n".join(problem.told(source) for problem in self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...], str]]:
        """Survives the way from one process to another."""
        return InputError, (self.problems, self.source)


class RefusedError(Exception):
    """One value breaks a rule; raised by `refuse`, and caught inside this package to become one of the problems."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.rule)
        self.problem = problem


def refuse(path: Path, rule: str, *, given: Any, remedy: str) -> NoReturn:
    """Stop reading the value at ``path``; ``given`` is shown as YAML. Raises: RefusedError."""
    raise RefusedError(Problem(path=path, rule=rule, given=shown(given), remedy=remedy))


def shown(value: Any, limit: int = 60) -> str:
    """A value as YAML in flow style would show it, cut off at ``limit`` characters."""
    text = _flow(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _flow(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and not math.isfinite(value):
        return "not a number (.nan)" if math.isnan(value) else ("infinity (.inf)" if value > 0 else "minus infinity")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_flow(entry) for entry in value) + "]"
    return f"“{value}”" if isinstance(value, str) else str(value)


def is_number(text: str) -> bool:
    """Whether a text is a number that only lacks its type."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was probably meant to be, if there is one."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A remedy for an unknown name: the nearest known one, else all that are known."""
    names = list(known)
    match = nearest(name, names)
    return f"did you mean {match}?" if match else f"known here: {', '.join(names)}"
