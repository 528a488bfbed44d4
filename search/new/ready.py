"""The ready sweeps and the schema, printed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from spaces.file.load import ready_sweeps
from spaces.problem import InputError, Problem


def ready_lines() -> Iterator[str]:
    """Name and first comment of each ready sweep."""
    sweeps = ready_sweeps()
    width = max(map(len, sweeps), default=0)
    for name, path in sweeps.items():
        yield f"{name:{width}}  {title(path)}"


def ready_text(name: str) -> str:
    """The file of a ready sweep.

    Raises:
        InputError: no ready sweep is called so.
    """
    sweeps = ready_sweeps()
    if name not in sweeps:
        nearest = difflib.get_close_matches(name, sweeps, n=1)
        remedy = f"did you mean {nearest[0]}?" if nearest else f"there are {', '.join(sweeps)}"
        raise InputError([Problem(rule="no ready sweep is called so", given=name, remedy=remedy)], "tunehound spaces")
    return sweeps[name].read_text(encoding="utf-8").rstrip("\n")


def title(path: Path) -> str:
    """What the first comment line of a sweep file says."""
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""
