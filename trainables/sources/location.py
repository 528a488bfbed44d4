"""Where a data set lies on disk: is it there, and is it still what it was?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from spaces.config.fields import file_ref
from spaces.config.settings import Settings
from spaces.problem import Path as Where
from spaces.problem import nearest
from trainables.sources.part import DATA_PATH, problem, refusal

Stamp = tuple[tuple[str, int, int], ...]
"""Name, size in bytes and time of the last change in nanoseconds of every file."""


def existing(named: str, *, folder: bool, where: Where = DATA_PATH) -> Path:
    """The file or folder of that name; ``where`` is the setting that names it.

    Raises:
        InputError: there is none, or it is the other of the two.
    """
    path, kind = Path(named), "folder" if folder else "file"
    if not path.exists():
        siblings = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest(path.name, siblings)
        cure = "mend the path; a relative one counts from the file that it is written in"
        cure = f"did you mean {path.parent / near}?" if near else cure
        raise refusal(named, problem(f"the {kind} exists", given=named, remedy=cure, where=where))
    if path.is_dir() != folder:
        other = "a file" if folder else "a folder"
        rule, cure = f"the path names a {kind}", "mend the path"
        raise refusal(named, problem(rule, given=f"{other}, {named}", remedy=cure, where=where))
    return path


def stamp(data: Settings) -> Stamp:
    """What tells that the files behind ``data`` are still the same: looked at, not read."""
    named = (getattr(data, name) for name, field in type(data).model_fields.items() if file_ref(field) is not None)
    return tuple(sorted(entry for path in named if path is not None for entry in files(Path(path))))


def files(path: Path) -> Iterator[tuple[str, int, int]]:
    """The file, or every file below the folder."""
    if path.is_dir():
        with os.scandir(path) as entries:
            for entry in entries:
                yield from files(Path(entry.path)) if entry.is_dir() else [told(entry.path, entry.stat())]
    elif path.exists():
        yield told(str(path), path.stat())


def told(path: str, status: os.stat_result) -> tuple[str, int, int]:
    """A file's name, size and time of change."""
    return path, status.st_size, status.st_mtime_ns
