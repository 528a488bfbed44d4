"""A table of image names and classes, and the folder that holds the images."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from spaces.config.trial import CsvData
from spaces.problem import Problem, nearest
from trainables.sources.files import file_part, relative
from trainables.sources.image import SUFFIXES, is_image_name
from trainables.sources.location import FolderTree, broken_entries, check_exists, read_tree
from trainables.sources.part import Parts, first_few, input_error, problem
from trainables.tables.columns import ColumnNames, ImageRows, columns_of, read_columns
from trainables.tables.label_kind import doubt_about
from trainables.tables.part_names import part_of
from trainables.tables.split_column import split_columns
from trainables.tables.table import LABELS, Table, read_table

EXTENSION = ("trial", "data", "extension")
LABEL_COLUMN = ("trial", "data", "label_column")
SPLIT_COLUMN = ("trial", "data", "split_column")
PARTS = {"train": "train", "val": "validation", "test": "test"}


def csv_parts(data: CsvData) -> Parts:
    """Return the parts that the table names, or one part, to be split: every row is an image, every image a row.

    Images are opened when they are needed.

    Raises:
        InputError: the table or the folder is missing, or they do not match; lists all mistakes.
    """
    path, root = check_exists(data.labels, folder=False, where=LABELS), check_exists(data.path, folder=True)
    table, tree = read_table(path, header=data.header), read_tree(root)
    images = images_in(tree, ending_of(data))
    check_header(data, table, images, root)
    names = columns_of(data, table)
    rows, mistakes = read_columns(table, names)
    usual = endings(images)
    found = {line: matches(name, images, usual, root) for line, name in rows.ids.items()}
    mistakes = [
        *broken_entries(tree),
        *mistakes,
        *cell_mistakes(rows),
        *class_mistakes(data, rows, names),
        *pair_mistakes(rows.ids, found, images),
    ]
    if mistakes:
        raise input_error(data.labels, *mistakes)
    placed = {line: images[each[0]] for line, each in found.items()}
    return divided(data, rows, placed, notes=tuple(table_notes(table, names, rows, placed, root)))


def divided(data: CsvData, rows: ImageRows, images: Mapping[int, Path], *, notes: tuple[str, ...]) -> Parts:
    """Return the parts of the rows, each in the order of its images' paths; ``images`` is by line number."""
    names = tuple(sorted(set(rows.labels.values())))
    numbers = {name: number for number, name in enumerate(names)}
    parts = {}
    for part in PARTS:
        chosen = sorted((images[line], numbers[rows.labels[line]]) for line, each in rows.parts.items() if each == part)
        classes = np.asarray([number for _, number in chosen], dtype=np.int64)
        if chosen:
            paths = [path for path, _ in chosen]
            parts[part] = file_part(paths, classes, root=Path(data.path), size_px=data.image_size)
    return Parts(
        train=parts["train"], validation=parts.get("val"), test=parts.get("test"), class_names=names, notes=notes
    )


def check_header(data: CsvData, table: Table, images: Mapping[str, Path], root: Path) -> None:
    """Check that the first row names the columns. Raises: InputError."""
    usual, is_lost = endings(images), data.id_column not in table.columns
    named = (
        name
        for name in table.columns
        if name and (matches(name, images, usual, root) or (is_lost and is_image_name(Path(name))))
    )
    first = next(named, None)
    if data.header and first is not None:
        cure = 'add a header such as id,label; or write header: false and id_column: "1", for the first column'
        rule = "the first row of the table must name the columns"
        given = f"{first}, which is the name of an image"
        raise input_error(data.labels, problem(rule, given=given, remedy=cure, where=LABELS))


def ending_of(data: CsvData) -> str | None:
    """Return the extension that images must have, with its dot, or None.

    Raises:
        InputError: it is not that of an image.
    """
    if data.extension is None:
        return None
    ending = "." + data.extension.lower().removeprefix(".")
    if ending not in SUFFIXES:
        rule = f"the extension must be one of {', '.join(SUFFIXES)}"
        raise input_error(
            data.labels, problem(rule, given=data.extension, remedy="choose one of these", where=EXTENSION)
        )
    return ending


def images_in(tree: FolderTree, ending: str | None = None) -> dict[str, Path]:
    """Return the images below a folder by their relative names; only those with the given extension, if any."""
    chosen = [path for path in tree.below() if is_image_name(path) and ending in (None, path.suffix.lower())]
    return dict(zip(relative(chosen, tree.path), chosen, strict=True))


def matches(name: str, images: Mapping[str, Path], endings: Sequence[str], root: Path) -> list[str]:
    """Return the images that an id may mean: the one with that very name, else those that only add an extension.

    Backslashes, a leading ``./`` and the path of the folder itself, ``root``, are understood.
    """
    for spelled in dict.fromkeys((name, plain(name, root))):
        if spelled in images:
            return [spelled]
        found = [spelled + ending for ending in endings if spelled + ending in images]
        if found:
            return found
    return []


def plain(name: str, root: Path) -> str:
    """Return the name of an image relative to the folder, with forward slashes."""
    slashed = name.replace("\\", "/").removeprefix("./")
    return slashed.removeprefix(f"{os.path.abspath(root)}/") if slashed.startswith("/") else slashed  # noqa: PTH100


def endings(images: Mapping[str, Path]) -> list[str]:
    """Return the extensions of the images, as they are written."""
    return sorted({path.suffix for path in images.values()})


def cell_mistakes(rows: ImageRows) -> Iterator[Problem]:
    """Check for empty cells and repeated ids."""
    cure = "fill it in or remove it"
    blank = [f"line {line}" for line, name in rows.ids.items() if not name]
    if blank:
        yield problem("every row must have an id", given=first_few(blank), remedy=cure, where=LABELS)
    empty = [rows.ids[line] or f"line {line}" for line, label in rows.labels.items() if not label]
    if empty and any(rows.labels.values()):
        yield problem("every row must have a label", given=first_few(empty), remedy=cure, where=LABELS)
    labels: dict[str, list[str]] = {}
    for line, name in rows.ids.items():
        labels.setdefault(name, []).append(rows.labels.get(line, ""))
    twice = [
        f"{name} ({len(each)} times{': ' + ', '.join(sorted(set(each))) if len(set(each)) > 1 else ''})"
        for name, each in labels.items()
        if name and len(each) > 1
    ]
    if twice:
        cure = "keep one row of each: an image has one label"
        yield problem("every id must be unique", given=first_few(twice), remedy=cure, where=LABELS)


def class_mistakes(data: CsvData, rows: ImageRows, names: ColumnNames) -> Iterator[Problem]:
    """Check for fewer than two classes, labels that are no classes, and classes without training images."""
    known = set(rows.labels.values()) - {""}
    if rows.ids and not rows.labels:  # the one-hot columns could not be read
        return
    if len(known) < 2:
        given, cure = ", ".join(known) or "none", "add rows of another class, or correct label_column"
        yield problem("there must be at least two classes", given=given, remedy=cure, where=LABELS)
    elif data.label_column is None and all(part_of(label) for label in known):
        cure = f"name the column of the classes (label_column: NAME), and this one as split_column: {names.labels[0]}"
        given = f"{', '.join(sorted(known))}, in {names.labels[0]}"
        yield problem("labels must be classes, not parts", given=given, remedy=cure, where=LABEL_COLUMN)
    doubt = doubt_about(rows.labels.values(), names.labels[0]) if len(names.labels) == 1 else None
    if doubt is not None and doubt.certainty == "certain":
        yield problem(f"labels must be classes, but {doubt.finding}", remedy=doubt.remedy, where=LABEL_COLUMN)
    trained = {label for line, label in rows.labels.items() if rows.parts.get(line) == "train"}
    for part, name in PARTS.items():
        here = {label for line, label in rows.labels.items() if rows.parts.get(line) == part}
        unknown = sorted(here - trained - {""})
        if unknown and trained:
            rule, cure = (
                f"{name} may hold only classes of train",
                "add training images of these classes, or remove them",
            )
            yield problem(rule, given=first_few(unknown), remedy=cure, where=SPLIT_COLUMN)


def pair_mistakes(
    ids: Mapping[int, str], found: Mapping[int, Sequence[str]], images: Mapping[str, Path]
) -> Iterator[Problem]:
    """Check for rows without an image, or with several, and for images without a row, or with two spellings."""
    lost = [ids[line] for line, names in found.items() if not names and ids[line]]
    if lost:
        cure = f"add the images (named {', '.join('*' + each for each in SUFFIXES)}), remove the rows, or correct path"
        same = {name.casefold(): name for name in images}
        near = same.get(lost[0].casefold()) or nearest(lost[0], islice(images, 10_000))
        given = first_few(lost) + (f"; the folder has {near}" if near else "")
        yield problem("every id must have an image", given=given, remedy=cure, where=LABELS)
    several = [f"{ids[line]} ({', '.join(names)})" for line, names in found.items() if len(names) > 1]
    if several:
        cure = "add extension: jpg, or whichever you mean"
        yield problem("every id must have only one image", given=first_few(several), remedy=cure, where=EXTENSION)
    uses = Counter(name for names in found.values() for name in names)
    orphans = [name for name in images if name not in uses]
    if orphans:
        cure = "add rows for them or move them out of the folder"
        yield problem("every image must have a row in the table", given=first_few(orphans), remedy=cure)
    spellings: dict[str, set[str]] = {}
    for line, names in found.items():
        for name in names:
            spellings.setdefault(name, set()).add(ids[line])
    shared = [f"{name} ({', '.join(sorted(each))})" for name, each in spellings.items() if len(each) > 1]
    if shared:
        cure = "keep one row of each"
        yield problem("every image must have only one row", given=first_few(shared), remedy=cure, where=LABELS)


def table_notes(
    table: Table, names: ColumnNames, rows: ImageRows, images: Mapping[int, Path], root: Path
) -> Iterator[str]:
    """Say what will train, but probably not as intended: parts that are named but not used, labels that look odd."""
    unused = [name for name in split_columns(table, apart=(names.id, *names.labels)) if name != names.split]
    if unused and names.split is None:
        yield (
            f"the column {unused[0]} names parts, but is not used: its test images are trained on; "
            f"write split_column: {unused[0]} to use its parts"
        )
    elif unused:
        yield f"of the columns that name parts only {names.split} is used, not {', '.join(unused)}"
    lies_in = {part_of(images[line].relative_to(root).parts[0]) for line in rows.ids} - {None}
    if len(lies_in) > 1 and names.split is None and not unused:
        yield (
            "the images lie in folders that are named as parts, but no column names parts: all are divided anew; add a "
            "column of train, validation and test to the table, and name it as split_column, to keep them apart"
        )
    doubt = doubt_about(rows.labels.values(), names.labels[0]) if len(names.labels) == 1 else None
    if doubt is not None:
        yield str(doubt)
    for part in ("val", "test"):
        missing = sorted(
            set(rows.labels.values()) - {rows.labels[line] for line in rows.ids if rows.parts[line] == part}
        )
        if missing and part in rows.parts.values():
            yield f"{PARTS[part]} has no images of some classes of train: {first_few(missing)}"
