"""Links in a run directory, which may come from a stranger: what is written to one lands wherever it leads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from spaces.problem import InputError, Problem

W_AND_B_LOG = "wandb/*/logs/debug-core.log"
"""A link of W&B's own to its log in the user's cache; nobody writes through it."""


def refuse_links(directory: Path) -> None:
    """Makes sure that whatever is written to the files of a run stays in its directory, which may be a link itself.

    Raises:
        InputError: links in it lead elsewhere; each is named.
    """
    home = directory.resolve()
    rule = "a run's files lie in its own folder: what is written to them must not land elsewhere"
    remedy = "put the file or folder itself in the place of the link; the run's folder as a whole may be a link"
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
