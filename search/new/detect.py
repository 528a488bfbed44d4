"""Detect the source of DATA: a folder, a label file, a .npz file or a TensorFlow dataset."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from search.new.detected import Detected
from search.new.label_file import SUFFIXES, label_file, one_of
from spaces.cache import expanded
from spaces.config.trial import FolderData, NpzData, TfdsData
from spaces.problem import InputError, Problem, first_few, nearest
from trainables.sources.folder import DEPTH, FULL_NAMES, is_data_set, part_folders
from trainables.sources.location import FolderTree, kind_of, read_tree
from trainables.tables.part_names import USUAL

SET_NAME = re.compile(r"(?P<name>[a-z][a-z0-9_]*(/[A-Za-z0-9_.\-]+)?)(:(?P<version>\d+\.\d+\.\d+))?")
CONTAINERS = (
    "archive", "data", "dataset", "datasets", "images", "imgs", "img", "jpegimages", "photos", "pictures", "raw",
)  # fmt: skip
"""Names of folders that rather hold a data set than the images of a class, in lower case."""
IN_FOLDERS = (".csv", ".tsv", ".tab")
"""The label files that are looked for in a folder."""


def detect_source(given: str) -> Detected:
    """Return the data source that ``given`` names: a folder, label file, .npz file or TensorFlow dataset.

    Raises:
        InputError: it is none of these; or it holds several data sets, or labels that are not one class per image.
    """
    path = expanded(given).absolute()
    if path.is_dir():
        return in_folder(read_tree(path), given)
    if path.is_file() and path.suffix.lower() == ".npz":
        return Detected(NpzData(source="npz", path=str(path)))
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        found = label_file(path)
        if found is None:
            rule = "the table must have a column that names images next to it"
            problem = Problem(rule=rule, given=given, remedy="put the image folder next to the table")
            raise InputError([problem], given)
        return found
    name = SET_NAME.fullmatch(given)
    if name is None or os.path.lexists(path):
        raise InputError([unknown_data(given, path)], "tunehound new")
    return Detected(TfdsData(source="tfds", name=name["name"], version=name["version"]))


def unknown_data(given: str, path: Path) -> Problem:
    """Return the mistake in a name that is that of no data."""
    rule = "DATA must be a folder, a .csv, .tsv, .txt or .npz file, or the name of a TensorFlow dataset"
    if os.path.lexists(path):
        cure = "save a table as a CSV file in UTF-8, next to its images; in Python: pandas.read_excel(FILE).to_csv(…)"
        kind = kind_of(path)
        given = given if kind == "a file" else f"{given}, {kind}"
        return Problem(rule=rule, given=given, remedy=cure if kind == "a file" else "give one of these")
    siblings = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    near = nearest(path.name, siblings)
    return Problem(
        rule=rule, given=given, remedy=f"did you mean {path.parent / near}?" if near else "give one of these"
    )


def in_folder(tree: FolderTree, given: str) -> Detected:
    """Return the data set in a folder, or the only one that lies one or two folders further down.

    Raises:
        InputError: there are several.
    """
    here = data_set_in(tree)
    inner = [folder.path for folder in tree.folders if folder.name.lower() in CONTAINERS and is_data_set(folder)]
    if here is not None and not (inner and isinstance(here.data, FolderData)):
        return here
    if here is not None:
        raise one_of([*inner, tree.path], f"data set; {len(tree.folders)} folders might be classes", given)
    whole = Detected(FolderData(source="folder", path=str(tree.path)))
    if set(part_folders(tree)[0]) - {"train"} or part_folders(tree)[1]:
        return whole  # with train and test folders that have mistakes, which are reported when it is opened
    found = list(data_sets_in(tree, DEPTH))
    if len(found) > 1:
        raise one_of([path for path, _ in found], "data set", given)
    for path, detected in found:
        remark = f"found in {path.relative_to(tree.path)}, below the folder that was given."
        return Detected(detected.data, (remark, *detected.remarks))
    for error in failures(tree, DEPTH):
        raise error
    return whole


def data_sets_in(tree: FolderTree, depth: int) -> Iterator[tuple[Path, Detected]]:
    """Yield the data sets at most ``depth`` folders below a folder, each with its folder."""
    for folder in tree.folders if depth else ():
        found = data_set_in(folder)
        if found is not None:
            yield folder.path, found
        else:
            yield from data_sets_in(folder, depth - 1)


def data_set_in(tree: FolderTree) -> Detected | None:
    """Return the label file with images next to it, or else the class folders of a folder; None if it has neither.

    Raises:
        InputError: there are several label files.
    """
    found, failed = label_files(tree)
    if len(found) > 1:
        raise one_of(list(found), "label file", str(tree.path))
    if found:
        return next(iter(found.values()))
    if is_data_set(tree):
        unused = [f"{first_few([error.source for error in failed])} not used as label files."] if failed else []
        return Detected(FolderData(source="folder", path=str(tree.path)), (*unused, *folder_remarks(tree)))
    return None


def label_files(tree: FolderTree) -> tuple[dict[Path, Detected], list[InputError]]:
    """Return the label files in a folder that have images next to them, and why others cannot be used."""
    found: dict[Path, Detected] = {}
    failed = []
    for path in tree.files:
        if path.suffix.lower() in IN_FOLDERS:
            try:
                detected = label_file(path, tree)
            except InputError as error:
                failed.append(error)
            else:
                found |= {path: detected} if detected else {}
    return found, failed


def failures(tree: FolderTree, depth: int) -> Iterator[InputError]:
    """Yield why label files in a folder, or at most ``depth`` folders below it, cannot be used."""
    yield from label_files(tree)[1]
    for folder in tree.folders if depth else ():
        yield from failures(folder, depth - 1)


def folder_remarks(tree: FolderTree) -> Iterator[str]:
    """Say which folders are parts if their names are unusual, which lie in class folders, and what is ignored."""
    places = part_folders(tree)[0]
    if places["train"] is not tree and any(place.name not in USUAL for place in places.values()):
        yield f"parts: {', '.join(f'{place.name}/ is {FULL_NAMES[part]}' for part, place in places.items())}."
    inner = [below for place in places.values() for folder in place.folders for below in folder.folders]
    if inner:
        names = first_few([below.path.relative_to(tree.path).as_posix() for below in inner])
        yield f"images in folders of a class folder are the class's: {names}."
    ignored = [path.name for folder in tree.all() for path in folder.ignored]
    if ignored:
        yield f"ignored, because hidden or left behind by a program: {first_few(sorted(ignored))}."
