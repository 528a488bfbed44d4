"""What is wrong with an input, in a form that helps its author to fix it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from spaces.printable import printable

Path = tuple[str | int, ...]
"""The position of a value: the keys and list positions that lead to it from the top of the file."""


def dotted(path: Path) -> str:
    """``("trial", "model", "dropout")`` → ``"trial.model.dropout"``."""
    return ".".join(str(part) for part in path)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake: its position, the rule it breaks, what was given, and what to do."""

    path: Path = ()
    rule: str
    given: str | None = None
    remedy: str
    line: int | None = None
    source: str | None = None
    """The origin of the value if it is not the file itself: an override such as ``--set model.dropout=2``."""

    def render(self, source: str) -> str:
        """Return the mistake as three short, printable lines; ``source`` is the file's name."""
        origin = self.source or (f"{source}:{self.line}" if self.line is not None else source)
        place = f"{origin}  {dotted(self.path)}" if self.path else origin
        rule = self.rule if self.given is None else f"{self.rule}; got {self.given}"
        return f"{printable(place)}\n    {printable(rule)}\n    → {printable(self.remedy)}"


class WorkFailedError(Exception):
    """The input was valid but the work failed; the message says what to do next."""


class InputError(Exception):
    """The input is wrong and nothing was started. Holds every mistake found, not only the first."""

    def __init__(self, problems: Sequence[Problem], source: str) -> None:
        self.problems = tuple(problems)
        self.source = source
        super().__init__("\n".join(problem.render(source) for problem in self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...], str]]:
        """Keep the attributes when pickled for another process."""
        return InputError, (self.problems, self.source)


class InvalidValueError(Exception):
    """One value breaks a rule; raised by `reject`, and caught in this package to become one of the problems."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.rule)
        self.problem = problem


def reject(path: Path, rule: str, *, given: Any, remedy: str) -> NoReturn:
    """Stop parsing the value at ``path``; ``given`` is shown as YAML. Raises: InvalidValueError."""
    raise InvalidValueError(Problem(path=path, rule=rule, given=shown(given), remedy=remedy))


def shown(value: Any, limit: int = 60) -> str:
    """Format a value in YAML's flow style, truncated to ``limit`` characters."""
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
    """Whether a text would be a finite number without its quotes."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


SHOWN = 5
"""Messages name this many of several things."""


def first_few(names: Sequence[str], limit: int = SHOWN) -> str:
    """Format names as ``"7: a, b, c, d, e and 2 more"``."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return f"{len(names)}: " + ", ".join(names[:limit]) + more


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most similar to ``name``; None if none is similar."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest a remedy for an unknown name: the most similar known one, else all known names."""
    names = list(known)
    match = nearest(name, names)
    return f"did you mean {match}?" if match else f"use one of: {', '.join(names)}"
