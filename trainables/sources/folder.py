"""A folder of class folders, or of train / val / test folders of class folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spaces.config.trial import FolderData
from spaces.problem import Problem
from spaces.shell import PROGRAM, command_line
from trainables.sources.files import file_part, relative
from trainables.sources.image import SUFFIXES, is_image_name
from trainables.sources.location import FolderTree, broken_entries, check_exists, read_tree
from trainables.sources.part import Part, Parts, first_few, input_error, problem
from trainables.tables.part_names import USUAL, part_of

FULL_NAMES = {"train": "train", "val": "validation", "test": "test"}
NO_CLASSES = ("test", "unknown", "unlabeled", "unlabelled", "unclassified", "images", "image", "imgs", "all", "data")
"""Names of the only folder in a test folder that has no classes, in lower case."""
DEPTH = 2
"""How many folders further down a data set is looked for."""


@dataclass(frozen=True)
class ClassFolder:
    """The images of one class in one part, by name."""

    name: str
    files: tuple[Path, ...]


Layout = Mapping[str, tuple[ClassFolder, ...]]
"""Those of "train", "val" and "test" that exist, and the class folders of each, by name."""


def folder_parts(data: FolderData) -> Parts:
    """Return the parts of a folder. Only names are read; no file is opened before its pixels are needed.

    A class has the name of its folder; the images in it and in folders below it are its images. Classes and files are
    in the order of their names, whatever the disk's order is.

    Raises:
        InputError: the folder is missing, or its layout is wrong; lists all mistakes.
    """
    tree = read_tree(check_exists(data.path, folder=True))
    places, mistakes = part_folders(tree)
    if not mistakes and any(layout_mistakes(tree, places)):
        mistakes = list(layout_mistakes(tree, places, data_sets_below(tree)))
    mistakes = [*broken_entries(tree), *mistakes]
    if mistakes:
        raise input_error(data.path, *mistakes)
    layout = {part: class_folders(place) for part, place in labelled(places).items()}
    names = tuple(folder.name for folder in layout["train"])
    parts = {part: image_part(tree.path, folders, names, data.image_size) for part, folders in layout.items()}
    return Parts(
        train=parts["train"],
        validation=parts.get("val"),
        test=parts.get("test"),
        class_names=names,
        notes=tuple(folder_notes(tree, places, layout)),
    )


def part_folders(tree: FolderTree) -> tuple[dict[str, FolderTree], list[Problem]]:
    """Return the folder of each part (only train, the root, if no folder has the name of a part), and any mistakes."""
    named = [folder for folder in tree.folders if part_of(folder.name)]
    if not has_parts(tree, named):
        return {"train": tree}, []
    places = {str(part_of(folder.name)): folder for folder in named}
    given = ", ".join(folder.name for folder in named)
    mistakes = []
    if len(places) < len(named):
        cure = "keep one folder of each part, or put their images together"
        mistakes.append(problem("each part must have only one folder", given=given, remedy=cure))
    if "train" not in places:
        rule = "there must be a train folder next to val and test"
        mistakes.append(problem(rule, given=given, remedy="add a folder named train"))
    if len(named) < len(tree.folders):
        others = first_few([folder.name for folder in tree.folders if folder not in named])
        rule, cure = "there may be no other folders next to train, val and test", "move them into train, or elsewhere"
        mistakes.append(problem(rule, given=others, remedy=cure))
    return places, mistakes


def has_parts(tree: FolderTree, named: Sequence[FolderTree]) -> bool:
    """Whether the folders that are ``named`` as parts are parts, rather than classes that are called so.

    The usual names always mean parts. Others, such as Training, do if all folders have such names, or if some of
    several hold class folders: Training beside Resting and Walking is a class.
    """
    if any(folder.name.lower() in USUAL for folder in named):
        return True
    if len(named) == len(tree.folders):
        return any(part_of(folder.name) == "train" for folder in named)
    return len(named) > 1 and any(folder.folders for folder in named)


def labelled(places: Mapping[str, FolderTree]) -> dict[str, FolderTree]:
    """Return the parts without a test folder that has images, but no classes."""
    return {part: place for part, place in places.items() if part != "test" or not lacks_classes(places)}


def lacks_classes(places: Mapping[str, FolderTree]) -> bool:
    """Whether there is a test folder with images that no class folder holds: for `predict`, not for a score."""
    if "test" not in places or "train" not in places:
        return False
    place, known = places["test"], {folder.name for folder in places["train"].folders}
    are_plain = all(folder.name.lower() in NO_CLASSES and folder.name not in known for folder in place.folders)
    return len(place.folders) < 2 and are_plain and any(map(is_image_name, place.below()))


def class_folders(place: FolderTree) -> tuple[ClassFolder, ...]:
    """Return the class folders of a part, each with its images, also those in folders below it."""
    return tuple(
        ClassFolder(folder.name, tuple(path for path in folder.below() if is_image_name(path)))
        for folder in place.folders
    )


def layout_mistakes(
    tree: FolderTree, places: Mapping[str, FolderTree], inside: Sequence[Path] = ()
) -> Iterator[Problem]:
    """Check where the files lie, and the classes of all parts; of the data sets ``inside`` one may be meant."""
    chosen = labelled(places)
    yield from stray_files(tree, chosen)
    meant = f"give the data set that is meant as the path: {' or '.join(map(str, inside))}" if inside else None
    yield from inner_parts(tree, chosen, meant)
    yield from class_mistakes(tree, chosen, meant)


def stray_files(tree: FolderTree, places: Mapping[str, FolderTree]) -> Iterator[Problem]:
    """Report files in unexpected places or without the name of an image, so that nothing is silently dropped."""
    loose = {path for place in (tree, *places.values()) for path in place.files if is_image_name(path)}
    if loose:
        cure = "move each into the folder of its class"
        given = first_few(relative(sorted(loose), tree.path))
        yield problem("images must be in class folders", given=given, remedy=cure)
    inside = (path for place in places.values() for folder in place.folders for path in folder.below())
    others = [path for path in inside if not is_image_name(path)]
    if others:
        rule = f"a class folder may hold only images, named {', '.join('*' + suffix for suffix in SUFFIXES)}"
        cure = "move other files away, or give images the right extension"
        yield problem(rule, given=first_few(relative(others, tree.path)), remedy=cure)


def inner_parts(tree: FolderTree, places: Mapping[str, FolderTree], meant: str | None) -> Iterator[Problem]:
    """Report train and test folders inside of class folders: their images would be trained on together."""
    inner = [
        below.path
        for place in places.values()
        for folder in place.folders
        for below in folder.folders
        if below.name.lower() in USUAL or len({part_of(each.name) for each in folder.folders} - {None}) > 1
    ]
    if inner:
        cure = meant or "put the parts outermost: train/cat, not cat/train"
        rule, given = "class folders may not hold folders of train, validation or test", relative(inner, tree.path)
        yield problem(rule, given=first_few(given), remedy=cure)


def class_mistakes(tree: FolderTree, places: Mapping[str, FolderTree], meant: str | None) -> Iterator[Problem]:
    """Check for too few classes, classes without images, and classes without training images."""
    layout = {part: class_folders(place) for part, place in places.items()}
    known = {folder.name for folder in layout["train"]}
    if len(known) < 2:
        cure = meant or "create a folder for each class, with its images in it"
        given = ", ".join([str(len(known)), *sorted(known)])
        yield problem("there must be at least two class folders", given=given, remedy=cure)
    bare = [places[part].path for part, folders in layout.items() if not folders and part != "train"]
    if bare:
        cure = "add class folders with images, or remove the folder"
        yield problem("every part must have class folders", given=first_few(relative(bare, tree.path)), remedy=cure)
    empty = [
        places[part].path / folder.name for part, folders in layout.items() for folder in folders if not folder.files
    ]
    if empty:
        cure = "add images or remove the folder"
        yield problem("class folders must not be empty", given=first_few(relative(empty, tree.path)), remedy=cure)
    for part, folders in layout.items():
        unknown = [folder.name for folder in folders if folder.name not in known]
        if unknown:
            at = places[part].path.relative_to(tree.path).as_posix()
            given = first_few([f"{at}/{name}{alike(name, known)}" for name in unknown])
            cure = "give folders of the same class the same name, add training images of the others, or move these away"
            yield problem(f"{part} may hold only classes of train", given=given, remedy=cure)


def alike(name: str, known: set[str]) -> str:
    """Return the class of train that differs only in upper and lower case or in blanks, for a message."""
    same = [each for each in sorted(known) if each.casefold().strip() == name.casefold().strip()]
    return f" ({same[0]} in train)" if same else ""


def folder_notes(tree: FolderTree, places: Mapping[str, FolderTree], layout: Layout) -> Iterator[str]:
    """Say what is left out: a test folder without classes, classes missing from a part, images in hidden places."""
    if lacks_classes(places):
        place = places["test"]
        count = sum(map(is_image_name, place.below()))
        predict = command_line("predict", "RUN", place.path, program=PROGRAM)
        yield (
            f"{place.path} has {count:,} images without class folders, so it gives no test score, and a share of train "
            f"(data.test) is kept for that; the trained model can classify them: {predict}"
        )
    known = [folder.name for folder in layout["train"]]
    for part in ("val", "test"):
        missing = sorted({*known} - {folder.name for folder in layout.get(part, ())})
        if part in layout and missing:
            yield f"{FULL_NAMES[part]} has no images of some classes of train: {first_few(missing)}"
    hidden = [path for path in ignored(tree) if is_image_name(path)]
    if hidden:
        yield f"images that are hidden, or in hidden folders, are ignored: {first_few(relative(hidden, tree.path))}"


def ignored(tree: FolderTree) -> list[Path]:
    """Return the hidden files of a folder and below it, and the files in hidden folders.

    The attributes that macOS writes beside each file, as ``._…``, are not among them.
    """
    entries = [entry for folder in tree.all() for entry in folder.ignored]
    files = [file for entry in entries for file in (entry.glob("*") if entry.is_dir() else [entry])]
    return sorted(file for file in files if not file.name.startswith("._"))


def data_sets_below(tree: FolderTree, depth: int = DEPTH) -> list[Path]:
    """Return the data sets of class folders at most ``depth`` folders below a folder, the outermost of each branch."""
    found: list[Path] = []
    for folder in tree.folders if depth else ():
        found += [folder.path] if is_data_set(folder) else data_sets_below(folder, depth - 1)
    return found


def is_data_set(tree: FolderTree) -> bool:
    """Whether a folder can be used as it is."""
    places, mistakes = part_folders(tree)
    return not mistakes and not any(layout_mistakes(tree, places)) and not any(broken_entries(tree))


def image_part(root: Path, folders: Sequence[ClassFolder], names: tuple[str, ...], size_px: int) -> Part:
    """Return a part whose images become RGB squares of ``size_px`` a side when they are read."""
    paths = [path for folder in folders for path in folder.files]
    numbers = {name: number for number, name in enumerate(names)}
    labels = [numbers[folder.name] for folder in folders for _ in folder.files]
    return file_part(paths, np.asarray(labels, dtype=np.int64), root=root, size_px=size_px)
