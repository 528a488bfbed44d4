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
from trainables.sources.location import existing
from trainables.sources.part import Part, Parts, first_few, problem, refusal

PART_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""What a folder of class folders may be called, in capitals or not, and which part it is."""


@dataclass(frozen=True)
class ClassFolder:
    """The images of one class in one part, by name."""

    name: str
    files: tuple[Path, ...]


Layout = dict[str, tuple[ClassFolder, ...]]
"""Of "train", "val" and "test", those that are there, and the class folders of each, by name."""


def folder_parts(data: FolderData) -> Parts:
    """The parts that the folder brings. Names are looked at, no file is opened before its pixels are wanted.

    A class is called as its folder; classes and files are taken by name, whatever order the disk has them in.

    Raises:
        InputError: the folder is missing, or is not laid out as it should be; all mistakes together.
    """
    root = existing(data.path, folder=True)
    places, mistakes = part_folders(root)
    if not mistakes:
        layout = {part: class_folders(place) for part, place in places.items()}
        mistakes = [*stray_files(root, places), *class_mistakes(root, places, layout)]
    if mistakes:
        raise refusal(data.path, *mistakes)
    names = tuple(folder.name for folder in layout["train"])
    parts = {part: image_part(root, folders, names, data.image_size) for part, folders in layout.items()}
    return Parts(train=parts["train"], validation=parts.get("val"), test=parts.get("test"), class_names=names)


def part_folders(root: Path) -> tuple[dict[str, Path], list[Problem]]:
    """Where each part lies — all in the root where no folder is named as a part — and what is wrong with that."""
    folders = subfolders(root)
    named = [folder for folder in folders if folder.name.lower() in PART_NAMES]
    if not named:
        return {"train": root}, []
    places = {PART_NAMES[folder.name.lower()]: folder for folder in named}
    mistakes = []
    if len(places) < len(named):
        given = ", ".join(folder.name for folder in named)
        mistakes.append(problem("each part has one folder", given=given, remedy="keep one for each"))
    if "train" not in places:
        given = ", ".join(folder.name for folder in named)
        mistakes.append(problem("beside val and test there is train", given=given, remedy="add a folder named train"))
    if len(named) < len(folders):
        given = first_few([folder.name for folder in folders if folder not in named])
        cure = "move them into train, or away"
        mistakes.append(problem("beside train, val and test there are no other folders", given=given, remedy=cure))
    return places, mistakes


def class_folders(place: Path) -> tuple[ClassFolder, ...]:
    """The folders in a part's folder, each with its images."""
    return tuple(
        ClassFolder(folder.name, tuple(path for path in visible(folder) if path.is_file() and is_image_name(path)))
        for folder in subfolders(place)
    )


def visible(folder: Path) -> list[Path]:
    """What a folder holds, hidden things left out, by name."""
    return sorted(path for path in folder.iterdir() if not is_hidden(path))


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, hidden ones left out, by name."""
    return [path for path in visible(folder) if path.is_dir()]


def stray_files(root: Path, places: dict[str, Path]) -> Iterator[Problem]:
    """What lies where no image is looked for, or is no image by its name: told, so that nothing is dropped silently."""
    loose = {path for place in {root, *places.values()} for path in visible(place) if path.is_file()}
    lost = [path for path in sorted(loose) if is_image_name(path)]
    if lost:
        cure = "move each into the folder of its class"
        yield problem("images lie in class folders", given=first_few(relative(lost, root)), remedy=cure)
    inside = (path for place in places.values() for folder in subfolders(place) for path in visible(folder))
    others = [path for path in inside if path.is_dir() or not is_image_name(path)]
    if others:
        rule = f"a class folder holds images only, named {', '.join('*' + suffix for suffix in SUFFIXES)}"
        cure = "move the others away, or give the images their proper ending"
        yield problem(rule, given=first_few(relative(others, root)), remedy=cure)


def class_mistakes(root: Path, places: dict[str, Path], layout: Layout) -> Iterator[Problem]:
    """Too few classes, classes without images, classes that have none to train on."""
    known = {folder.name for folder in layout["train"]}
    if len(known) < 2:
        cure = "make a folder for each class, with its images in it"
        yield problem("there are at least two class folders", given=str(len(known)), remedy=cure)
    empty = [places[part] / folder.name for part, folders in layout.items() for folder in folders if not folder.files]
    if empty:
        cure = "add images or remove the folder"
        yield problem("no class folder is empty", given=first_few(relative(empty, root)), remedy=cure)
    for part, folders in layout.items():
        unknown = [places[part] / folder.name for folder in folders if folder.name not in known]
        if unknown:
            given, cure = first_few(relative(unknown, root)), "add training images of them or move them away"
            yield problem(f"{part} holds classes of train only", given=given, remedy=cure)


def image_part(root: Path, folders: tuple[ClassFolder, ...], names: tuple[str, ...], size_px: int) -> Part:
    """One part; its images become RGB squares of ``size_px`` a side when they are read."""
    paths = [path for folder in folders for path in folder.files]
    numbers = {name: number for number, name in enumerate(names)}
    labels = [numbers[folder.name] for folder in folders for _ in folder.files]
    return file_part(paths, np.asarray(labels, dtype=np.int64), root=root, size_px=size_px)
