"""Where a data set is on disk: whether it exists, and whether it has changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from spaces.config.fields import file_ref
from spaces.config.settings import Settings
from spaces.problem import Path as Where
from spaces.problem import nearest
from trainables.sources.part import DATA_PATH, input_error, problem

Stamp = tuple[tuple[str, int, int], ...]
"""Name, size in bytes and modification time in nanoseconds of every file. With permissions, it is the time of the last
change of those or of the content."""


def check_exists(named: str, *, folder: bool, where: Where = DATA_PATH) -> Path:
    """Return the file or folder with that name; ``where`` is the setting that names it.

    Raises:
        InputError: it does not exist, or it is a file instead of a folder, or the other way round.
    """
    path, kind = Path(named), "folder" if folder else "file"
    if not path.exists():
        siblings = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest(path.name, siblings)
        cure = "correct the path; a relative one starts from the folder of the sweep file"
        cure = f"did you mean {path.parent / near}?" if near else cure
        raise input_error(named, problem(f"there must be such a {kind}", given=named, remedy=cure, where=where))
    if path.is_dir() != folder:
        other = "a file" if folder else "a folder"
        rule, cure = f"the path must be that of a {kind}", "correct the path"
        raise input_error(named, problem(rule, given=f"{other}, {named}", remedy=cure, where=where))
    return path


def stamp(data: Settings, *, with_permissions: bool = False) -> Stamp:
    """Return the stamp of the files of ``data``, without reading them: the files are unchanged if it is.

    Files that may be unreadable are unchanged ``with_permissions``.
    """
    named = (getattr(data, name) for name, field in type(data).model_fields.items() if file_ref(field) is not None)
    return tuple(sorted(entry for path in named if path is not None for entry in files(Path(path), with_permissions)))


def files(path: Path, with_permissions: bool = False) -> Iterator[tuple[str, int, int]]:
    """Yield the stamp of a file, or of every file below a folder."""
    if path.is_dir():
        with os.scandir(path) as entries:
            for entry in entries:
                yield from (
                    files(Path(entry.path), with_permissions)
                    if entry.is_dir()
                    else [file_stamp(entry.path, entry.stat(), with_permissions)]
                )
    elif path.exists():
        yield file_stamp(str(path), path.stat(), with_permissions)


def file_stamp(path: str, status: os.stat_result, with_permissions: bool = False) -> tuple[str, int, int]:
    """Return a file's name, size and time of the last change."""
    return path, status.st_size, status.st_ctime_ns if with_permissions else status.st_mtime_ns
