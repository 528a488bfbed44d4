"""The ready-made sweeps, listed and printed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from spaces.file.load import ready_sweeps
from spaces.problem import InputError, Problem


def ready_lines() -> Iterator[str]:
    """Yield the name and title of each ready-made sweep."""
    sweeps = ready_sweeps()
    width = max(map(len, sweeps), default=0)
    for name, path in sweeps.items():
        yield f"{name:{width}}  {title(path)}"


def ready_text(name: str) -> str:
    """Return the text of a ready-made sweep.

    Raises:
        InputError: there is no ready-made sweep of this name.
    """
    sweeps = ready_sweeps()
    if name not in sweeps:
        nearest = difflib.get_close_matches(name, sweeps, n=1)
        remedy = f"did you mean {nearest[0]}?" if nearest else f"choose from {', '.join(sweeps)}"
        problem = Problem(rule="there is no ready-made sweep of this name", given=name, remedy=remedy)
        raise InputError([problem], "tunehound spaces")
    return sweeps[name].read_text(encoding="utf-8").rstrip("\n")


def title(path: Path) -> str:
    """Return the first comment line of a sweep file."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""
