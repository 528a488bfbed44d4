"""File names in settings: made absolute, and looked for."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from spaces.config.fields import Place, file_ref, section_at
from spaces.domains.domain import Branches, Choice
from spaces.domains.tree import edited
from spaces.problem import Path, Problem, nearest, shown

_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")


def absolute(tree: Any, place: Place, folder_of: Callable[[Path], pathlib.Path]) -> Any:
    """The tree with every file name absolute. URIs, and words that the field says are no file, stay as they are.

    ``folder_of`` gives the folder from which a name counts, by the path of the value below ``tree``.
    """

    def joined(leaf: Any, here: Place, path: Path) -> Any:
        return _each_name(leaf, here, lambda name: _join(name, folder_of(path)))

    return edited(tree, place, joined)


def beside(tree: Any, place: Place) -> Any:
    """The tree with the folders that it does not name and that default to the file's own, as relative names."""
    if isinstance(tree, Branches):
        return replace(tree, options={label: beside(branch, place) for label, branch in tree.options.items()})
    if not isinstance(tree, Mapping):
        return tree
    section = section_at(place, tree)
    fields = section.model_fields if section else {}
    named = {key: beside(entry, fields.get(key)) for key, entry in tree.items()}
    marks = {key: file_ref(field) for key, field in fields.items()}
    return named | {key: "." for key, mark in marks.items() if mark is not None and mark.beside and key not in tree}


def missing_files(tree: Any, place: Place, top: Path) -> list[Problem]:
    """A problem for every absolute file name in the tree at which there is neither file nor folder."""
    problems: list[Problem] = []

    def look(leaf: Any, here: Place, path: Path) -> Any:
        def seen(name: str) -> str:
            if not _URI.match(name) and not _exists(name):
                problems.append(_missing((*top, *path), name))
            return name

        return _each_name(leaf, here, seen)

    edited(tree, place, look)
    return problems


def relative_names(tree: Any, place: Place, top: Path) -> list[Problem]:
    """A problem for every file name in the tree that would lead elsewhere on another machine."""
    problems: list[Problem] = []

    def look(leaf: Any, here: Place, path: Path) -> Any:
        def seen(name: str) -> str:
            if not (_URI.match(name) or name.startswith("~") or pathlib.PurePosixPath(name).is_absolute()):
                problems.append(_relative((*top, *path), name))
            return name

        return _each_name(leaf, here, seen)

    edited(tree, place, look)
    return problems


def _each_name(leaf: Any, place: Place, change: Callable[[str], str]) -> Any:
    """The leaf with ``change`` applied to every file name in it, if its field holds file names."""
    mark = file_ref(place)
    if mark is None:
        return leaf

    def changed(value: Any) -> Any:
        return change(value) if isinstance(value, str) and value and value not in mark.words else value

    if isinstance(leaf, Choice):
        return replace(leaf, options=tuple(map(changed, leaf.options)), baseline=changed(leaf.baseline))
    return tuple(map(changed, leaf)) if isinstance(leaf, tuple) else changed(leaf)


def _join(name: str, folder: pathlib.Path) -> str:
    if _URI.match(name):
        return name
    try:
        return str(folder.joinpath(pathlib.Path(name).expanduser()).absolute())
    except (RuntimeError, ValueError):
        return name


def _exists(name: str) -> bool:
    try:
        return pathlib.Path(name).exists()
    except (OSError, ValueError):
        return False


def _relative(path: Path, name: str) -> Problem:
    rule = "a file that is read on another machine names files there, by absolute names"
    remedy = "give a name that begins with / or with ~/ and is the same on every node of the cluster"
    return Problem(path=path, rule=rule, given=shown(name, limit=1000), remedy=remedy)


def _missing(path: Path, name: str) -> Problem:
    parent = pathlib.Path(name).parent
    known = [each.name for each in parent.iterdir()] if _exists(str(parent)) and parent.is_dir() else []
    match = nearest(pathlib.Path(name).name, known)
    remedy = f"did you mean {match}?" if match else "check the name; relative ones count from the file they stand in"
    rule = "there must be a file or folder of this name"
    return Problem(path=path, rule=rule, given=shown(name, limit=1000), remedy=remedy)
