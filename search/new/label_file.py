"""Recognise what a label file holds: the column of image names, the classes, the parts, and where the images are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.new.detected import Detected
from spaces.config.trial import CsvData
from spaces.problem import InputError, Problem, first_few
from spaces.shell import command_line
from trainables.sources.csv import endings, images_in, matches
from trainables.sources.image import is_hidden, is_image_name
from trainables.sources.location import FolderTree, read_tree
from trainables.tables.dialect import SEPARATORS
from trainables.tables.label_kind import NUMBER, doubt_about
from trainables.tables.one_hot import binary_columns, marked, one_hot_columns
from trainables.tables.part_names import part_of
from trainables.tables.split_column import part_in, split_columns
from trainables.tables.table import Table, read_table

SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
"""The extensions of label files, in lower case."""
LABEL_COLUMNS = (
    "label", "labels", "class", "classname", "labelname", "breed", "category", "categories", "species", "target",
    "classes", "diagnosis", "dx", "tags", "tag", "classid", "labelid", "categoryid", "y",
)  # fmt: skip
"""Names of the label column, in order of preference, if a table has several columns; without blanks and marks."""
PARTS = {"train": "train", "val": "validation", "test": "test"}


@dataclass(frozen=True, kw_only=True)
class ImageColumn:
    """The column that names images, counted from 0, and the folder where they are."""

    hits: int
    at: int
    folder: Path
    has_header: bool


def label_file(path: Path, beside: FolderTree | None = None) -> Detected | None:
    """Return the settings of a table if at least half of its rows name images next to it, else None.

    ``beside`` is the folder of the table, if it has been read already.

    Raises:
        InputError: it is no table, or its labels are not one class per image.
    """
    table = read_table(path, header=False)
    found = max(image_columns(beside or read_tree(path.parent), table), key=lambda each: each.hits, default=None)
    if found is None or not found.hits or 2 * found.hits < len(table.rows) - found.has_header:
        return None
    table = read_table(path, header=found.has_header)
    settings, remarks = labels_in(path, table, table.columns[found.at])
    data = CsvData(
        source="csv",
        labels=str(path),
        path=str(found.folder),
        id_column=table.columns[found.at],
        header=found.has_header,
        **settings,
    )
    return Detected(data, (*file_remarks(path, table, has_header=found.has_header), *remarks))


def image_columns(tree: FolderTree, table: Table) -> Iterator[ImageColumn]:
    """Yield how many rows name an image, for each column and each folder that might hold the images."""
    for folder in (tree, *tree.folders):
        images = images_in(folder)
        usual = endings(images)
        for at, column in enumerate(table.columns if images else ()):
            names = list(table.column(column).values())
            hits = {name for name in set(names) if matches(name, images, usual, folder.path)}
            has_header = names[0] not in hits and not is_image_name(Path(names[0]))
            yield ImageColumn(
                hits=sum(name in hits for name in names), at=at, folder=folder.path, has_header=has_header
            )


def file_remarks(path: Path, table: Table, *, has_header: bool) -> Iterator[str]:
    """Yield how the file is written, if in an unusual way, and which files beside it are not used."""
    if table.separator != ",":
        yield f"{path.name}: its columns are separated by {SEPARATORS.get(table.separator, table.separator)}."
    if not has_header:
        yield f"{path.name}: without a header, so its columns are called 1, 2, …"
    others = [each.name for each in sorted(path.parent.iterdir()) if each != path and is_table_of_a_part(each)]
    if others and part_of(path.stem):
        yield f"{', '.join(others)}: not used. To use such parts, put all rows into one table with a split column."


def is_table_of_a_part(path: Path) -> bool:
    """Whether a file is a table that is called after a part, such as test.csv."""
    return path.suffix.lower() in SUFFIXES and part_of(path.stem) is not None and not is_hidden(path)


def labels_in(path: Path, table: Table, id_column: str) -> tuple[dict[str, Any], list[str]]:
    """Return the settings of the label and split columns, and remarks on them.

    Raises:
        InputError: no column, or several, might hold the classes; or the labels are not one class per image.
    """
    others = [name for name in table.columns if name != id_column]
    usual = usual_label(others)
    splits = split_columns(table, apart=[id_column, *([usual] if usual else [])]) if len(others) > 1 else []
    rest = [name for name in others if name not in splits]
    settings: dict[str, Any] = {"split_column": splits[0]} if splits else {}
    remarks = [*split_remarks(table, splits), *fold_remarks(table, rest)]
    ones = binary_columns(table, rest)
    classes = [] if usual else class_columns(table, rest, ones)
    if classes:
        return settings | {"label_columns": tuple(classes)}, [*remarks, f"one-hot columns: {', '.join(classes)}."]
    label = usual or label_column(path, table, rest, ones)
    check_labels(path, table, label)
    is_found = label == "label" or [name for name in others if name not in splits[:1]] == [label]
    return settings if is_found else settings | {"label_column": label}, remarks


def usual_label(columns: Sequence[str]) -> str | None:
    """Return the column with the most usual name of a label column, if any."""
    names = {re.sub(r"[\W_]+", "", name.casefold()): name for name in reversed(columns)}
    return next((names[usual] for usual in LABEL_COLUMNS if usual in names), None)


def class_columns(table: Table, columns: Sequence[str], ones: Sequence[str]) -> list[str]:
    """Return the one-hot columns; also if some rows hold no 1 at all, as long as there are no other columns."""
    found = one_hot_columns(table, ones)
    at_most_one = all(len(names) < 2 for names in marked(table, ones).values())
    return found or (list(ones) if len(ones) > 1 and len(ones) == len(columns) and at_most_one else [])


def label_column(path: Path, table: Table, columns: Sequence[str], ones: Sequence[str]) -> str:
    """Return the only column whose cells look like classes.

    Raises:
        InputError: there is none, there are several, or the columns are one-hot with several labels an image.
    """
    likely = [name for name in columns if name not in ones and looks_like_classes(table, name)]
    if len(columns) == 1 or len(likely) == 1:
        return (likely or columns)[0]
    several = {line: names for line, names in marked(table, ones).items() if len(names) > 1}
    if len(ones) > 1 and several and not likely:
        line, names = next(iter(several.items()))
        given = f"{len(several):,} of {len(table.rows):,} rows with several ones in {', '.join(ones)}"
        rule = "labels must be classes, one an image, but these columns hold several labels an image"
        raise no_labels(path, rule, f"{given}, such as line {line} ({', '.join(names)})", ONE_LABEL)
    rule, given = "the table must have one column of classes", ", ".join(likely or columns) or "no column but the names"
    cure = "give it the name label in the table; or write label_column: NAME in a sweep file of source: csv"
    raise no_labels(path, rule, f"{given}, any of which may be meant" if likely else given, cure)


ONE_LABEL = "keep one label an image: a single 1 in each row, or a column label with the class that matters"


def looks_like_classes(table: Table, column: str) -> bool:
    """Whether a column holds at least two values, each of them twice on average, and not amounts or lists."""
    cells = list(table.column(column).values())
    return 1 < len(set(cells)) <= len(cells) / 2 and doubt_about(cells, column) is None


def check_labels(path: Path, table: Table, column: str) -> None:
    """Check that labels are most likely one class per image. Raises: InputError."""
    doubt = doubt_about(list(table.column(column).values()), column)
    if doubt is not None and doubt.certainty != "possible":
        raise no_labels(path, f"labels must be classes, one an image, but {doubt.finding}", None, doubt.remedy)


def no_labels(path: Path, rule: str, given: str | None, remedy: str) -> InputError:
    """Return the error for a table whose labels cannot be trained on."""
    return InputError([Problem(rule=rule, given=given, remedy=remedy)], str(path))


def split_remarks(table: Table, splits: Sequence[str]) -> Iterator[str]:
    """Say how many rows of each part there are, and which other columns of parts are not used."""
    if splits:
        found = [part_in(cell, splits[0]) for cell in table.column(splits[0]).values()]
        counts = ", ".join(f"{found.count(part):,} {name}" for part, name in PARTS.items() if part in found)
        yield f"column {splits[0]}: {counts} images, used as they are."
    if len(splits) > 1:
        yield f"not used: {', '.join(splits[1:])}, which seem to name parts, too."


def fold_remarks(table: Table, columns: Sequence[str]) -> Iterator[str]:
    """Say that folds of a cross-validation are not used."""
    folds = [name for name in columns if re.fullmatch(r"k?[\W_]*folds?", name.casefold())]
    if folds and all(NUMBER.fullmatch(cell) for cell in table.column(folds[0]).values()):
        yield f"column {folds[0]}: numbers of folds, not used; all images are divided anew."


def one_of(paths: Sequence[Path], what: str, given: str) -> InputError:
    """Return the error for several data sets, of which one must be chosen."""
    names = first_few([str(path) for path in paths])
    cure = f"name one of them: {command_line('new', paths[0])}"
    return InputError([Problem(rule=f"there must be only one {what}", given=names, remedy=cure)], given)
