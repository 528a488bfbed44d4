"""Links in a run directory, which may come from a stranger: whatever is written to one ends up where it leads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from spaces.problem import InputError, Problem

W_AND_B_LOG = "wandb/*/logs/debug-core.log"
"""W&B's own link to its log in the user's cache; nothing is written through it."""


def check_links(directory: Path) -> None:
    """Check that no link leads out of a run directory, which may be a link itself.

    Raises:
        InputError: links lead out of it; each is named.
    """
    home = directory.resolve()
    rule = "a run's files must lie in its own folder, so that nothing is written outside it"
    remedy = "replace the link by the file or folder itself; only the run's folder as a whole may be a link"
    problems = [
        Problem(rule=rule, given=f"{link.relative_to(home)} → {link.readlink()}", remedy=remedy)
        for link in _links(home)
        if not link.resolve().is_relative_to(home) and not link.relative_to(home).match(W_AND_B_LOG)
    ]
    if problems:
        raise InputError(problems, str(directory))


def _links(home: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(home):  # which does not follow them
        yield from (path for name in sorted([*folders, *files]) if (path := Path(folder, name)).is_symlink())
