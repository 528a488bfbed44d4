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
from trainables.tables.columns import ImageRows, columns_of, read_columns
from trainables.tables.row_checks import PARTS, labelled, row_mistakes, table_notes
from trainables.tables.table import LABELS, Table, read_table

EXTENSION = ("trial", "data", "extension")


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
    known = labelled(rows)
    mistakes = [
        *broken_entries(tree),
        *mistakes,
        *row_mistakes(known, names, is_named=data.label_column is not None),
        *pair_mistakes(rows.ids, found, images),
    ]
    if mistakes:
        raise input_error(data.labels, *mistakes)
    image_names = {line: each[0] for line, each in found.items()}
    notes = tuple(table_notes(table, names, rows, image_names))
    return divided(data, known, {line: images[name] for line, name in image_names.items()}, notes=notes)


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
