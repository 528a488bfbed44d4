"""A folder of class folders, or of train / val / test folders of class folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spaces.config.trial import FolderData
from spaces.problem import Problem
from trainables.sources.files import file_part, relative
from trainables.sources.image import SUFFIXES, is_hidden, is_image_name
from trainables.sources.location import check_exists
from trainables.sources.part import Part, Parts, first_few, input_error, problem

PART_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""Possible names of a folder of class folders, in upper or lower case, and the part that it is."""


@dataclass(frozen=True)
class ClassFolder:
    """The images of one class in one part, by name."""

    name: str
    files: tuple[Path, ...]


Layout = dict[str, tuple[ClassFolder, ...]]
"""Those of "train", "val" and "test" that exist, and the class folders of each, by name."""


def folder_parts(data: FolderData) -> Parts:
    """Return the parts of a folder. Only names are read; no file is opened before its pixels are needed.

    A class has the name of its folder; classes and files are in the order of their names, whatever the disk's order is.

    Raises:
        InputError: the folder is missing, or its layout is wrong; lists all mistakes.
    """
    root = check_exists(data.path, folder=True)
    places, mistakes = part_folders(root)
    if not mistakes:
        layout = {part: class_folders(place) for part, place in places.items()}
        mistakes = [*stray_files(root, places), *class_mistakes(root, places, layout)]
    if mistakes:
        raise input_error(data.path, *mistakes)
    names = tuple(folder.name for folder in layout["train"])
    parts = {part: image_part(root, folders, names, data.image_size) for part, folders in layout.items()}
    return Parts(train=parts["train"], validation=parts.get("val"), test=parts.get("test"), class_names=names)


def part_folders(root: Path) -> tuple[dict[str, Path], list[Problem]]:
    """Return the folder of each part (only train, the root, if no folder has the name of a part), and any mistakes."""
    folders = subfolders(root)
    named = [folder for folder in folders if folder.name.lower() in PART_NAMES]
    if not named:
        return {"train": root}, []
    places = {PART_NAMES[folder.name.lower()]: folder for folder in named}
    mistakes = []
    if len(places) < len(named):
        given = ", ".join(folder.name for folder in named)
        mistakes.append(problem("each part must have only one folder", given=given, remedy="keep one of them"))
    if "train" not in places:
        given = ", ".join(folder.name for folder in named)
        mistakes.append(
            problem("there must be a train folder next to val and test", given=given, remedy="add a folder named train")
        )
    if len(named) < len(folders):
        given = first_few([folder.name for folder in folders if folder not in named])
        cure = "move them into train, or elsewhere"
        mistakes.append(problem("there may be no other folders next to train, val and test", given=given, remedy=cure))
    return places, mistakes


def class_folders(place: Path) -> tuple[ClassFolder, ...]:
    """Return the class folders of a part, each with its images."""
    return tuple(
        ClassFolder(folder.name, tuple(path for path in visible(folder) if path.is_file() and is_image_name(path)))
        for folder in subfolders(place)
    )


def visible(folder: Path) -> list[Path]:
    """Return the entries of a folder by name, without hidden ones."""
    return sorted(path for path in folder.iterdir() if not is_hidden(path))


def subfolders(folder: Path) -> list[Path]:
    """Return the subfolders of a folder by name, without hidden ones."""
    return [path for path in visible(folder) if path.is_dir()]


def stray_files(root: Path, places: dict[str, Path]) -> Iterator[Problem]:
    """Report files in unexpected places or without the name of an image, so that nothing is silently dropped."""
    loose = {path for place in {root, *places.values()} for path in visible(place) if path.is_file()}
    lost = [path for path in sorted(loose) if is_image_name(path)]
    if lost:
        cure = "move each into the folder of its class"
        yield problem("images must be in class folders", given=first_few(relative(lost, root)), remedy=cure)
    inside = (path for place in places.values() for folder in subfolders(place) for path in visible(folder))
    others = [path for path in inside if path.is_dir() or not is_image_name(path)]
    if others:
        rule = f"a class folder may hold only images, named {', '.join('*' + suffix for suffix in SUFFIXES)}"
        cure = "move other files away, or give images the right extension"
        yield problem(rule, given=first_few(relative(others, root)), remedy=cure)


def class_mistakes(root: Path, places: dict[str, Path], layout: Layout) -> Iterator[Problem]:
    """Check for too few classes, classes without images, and classes without training images."""
    known = {folder.name for folder in layout["train"]}
    if len(known) < 2:
        cure = "create a folder for each class, with its images in it"
        yield problem("there must be at least two class folders", given=str(len(known)), remedy=cure)
    empty = [places[part] / folder.name for part, folders in layout.items() for folder in folders if not folder.files]
    if empty:
        cure = "add images or remove the folder"
        yield problem("class folders must not be empty", given=first_few(relative(empty, root)), remedy=cure)
    for part, folders in layout.items():
        unknown = [places[part] / folder.name for folder in folders if folder.name not in known]
        if unknown:
            given, cure = (
                first_few(relative(unknown, root)),
                "add training images of these classes, or move the folders away",
            )
            yield problem(f"{part} may hold only classes of train", given=given, remedy=cure)


def image_part(root: Path, folders: tuple[ClassFolder, ...], names: tuple[str, ...], size_px: int) -> Part:
    """Return a part whose images become RGB squares of ``size_px`` a side when they are read."""
    paths = [path for folder in folders for path in folder.files]
    numbers = {name: number for number, name in enumerate(names)}
    labels = [numbers[folder.name] for folder in folders for _ in folder.files]
    return file_part(paths, np.asarray(labels, dtype=np.int64), root=root, size_px=size_px)
