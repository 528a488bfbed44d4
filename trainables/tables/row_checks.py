"""What is checked in the rows of a table, whatever the images are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath

from spaces.problem import Path, Problem, first_few
from trainables.tables.columns import ColumnNames, ImageRows, where
from trainables.tables.label_kind import LabelDoubt, doubt_about
from trainables.tables.part_names import part_of
from trainables.tables.split_column import split_columns
from trainables.tables.table import LABELS, Table

PARTS = {"train": "train", "val": "validation", "test": "test"}
"""The parts, and their names in messages."""


def labelled(rows: ImageRows) -> ImageRows:
    """Return the rows without those of a test part that has no label at all: for `predict`, not for a score."""
    test = {line for line, part in rows.parts.items() if part == "test"}
    if any(rows.labels.get(line) for line in test):
        return rows
    return ImageRows(
        ids={line: name for line, name in rows.ids.items() if line not in test},
        labels={line: label for line, label in rows.labels.items() if line not in test},
        parts={line: part for line, part in rows.parts.items() if line not in test},
    )


def row_mistakes(rows: ImageRows, names: ColumnNames, *, is_named: bool) -> Iterator[Problem]:
    """Check ids and labels; ``is_named`` says whether the sweep names the label column."""
    yield from cell_mistakes(rows)
    if rows.labels or not rows.ids:  # else the one-hot columns could not be read
        yield from class_mistakes(rows, names, is_named=is_named)
        yield from part_mistakes(rows)


def cell_mistakes(rows: ImageRows) -> Iterator[Problem]:
    """Check for empty cells and repeated ids."""
    cure = "fill it in or remove it"
    blank = [f"line {line}" for line, name in rows.ids.items() if not name]
    if blank:
        yield mistake(LABELS, "every row must have an id", first_few(blank), cure)
    empty = [rows.ids[line] or f"line {line}" for line, label in rows.labels.items() if not label]
    if empty and any(rows.labels.values()):
        yield mistake(LABELS, "every row must have a label", first_few(empty), cure)
    labels: dict[str, list[str]] = {}
    for line, name in rows.ids.items():
        labels.setdefault(name, []).append(rows.labels.get(line, ""))
    twice = [repeated(name, each) for name, each in labels.items() if name and len(each) > 1]
    if twice:
        cure = "keep one row of each: an image has one label"
        yield mistake(LABELS, "every id must be unique", first_few(twice), cure)


def repeated(name: str, labels: list[str]) -> str:
    """Return an id with the number of its rows, and their labels if they differ."""
    different = f": {', '.join(sorted(set(labels)))}" if len(set(labels)) > 1 else ""
    return f"{name} ({len(labels)} times{different})"


def class_mistakes(rows: ImageRows, names: ColumnNames, *, is_named: bool) -> Iterator[Problem]:
    """Check for fewer than two classes, and for labels that are no classes."""
    known = set(rows.labels.values()) - {""}
    if len(known) < 2:
        cure = "add rows of another class, or correct label_column"
        yield mistake(LABELS, "there must be at least two classes", ", ".join(known) or "none", cure)
    elif not is_named and all(part_of(label) for label in known):
        cure = f"name the column of the classes (label_column: NAME), and this one as split_column: {names.labels[0]}"
        given = f"{', '.join(sorted(known))}, in {names.labels[0]}"
        yield mistake(where("label_column"), "labels must be classes, not parts", given, cure)
    doubt = label_doubt(rows, names)
    if doubt is not None and doubt.certainty == "certain":
        yield mistake(where("label_column"), f"labels must be classes, but {doubt.finding}", None, doubt.remedy)


def part_mistakes(rows: ImageRows) -> Iterator[Problem]:
    """Check for classes without training images."""
    here = {part: labels_in(rows, part) for part in PARTS}
    for part, name in PARTS.items():
        unknown = sorted(here[part] - here["train"] - {""})
        if unknown and here["train"]:
            cure = "add training images of these classes, or remove them"
            rule = f"{name} may hold only classes of train"
            yield mistake(where("split_column"), rule, first_few(unknown), cure)


def labels_in(rows: ImageRows, part: str) -> set[str]:
    """Return the labels of a part."""
    return {label for line, label in rows.labels.items() if rows.parts.get(line) == part}


def label_doubt(rows: ImageRows, names: ColumnNames) -> LabelDoubt | None:
    """Return why the labels are hardly classes, if they are in one column."""
    return doubt_about(list(rows.labels.values()), names.labels[0]) if len(names.labels) == 1 else None


def table_notes(table: Table, names: ColumnNames, rows: ImageRows, images: Mapping[int, str]) -> Iterator[str]:
    """Say what will train, but probably not as intended: parts that are named but not used, labels that look odd.

    ``images`` are the names of the images, relative to their folder, by line number.
    """
    used = labelled(rows)
    if len(used.ids) < len(rows.ids):
        yield (
            f"{len(rows.ids) - len(used.ids):,} test images have no label, so they give no test score, and a share of "
            "train (data.test) is kept for that; the trained model can classify them with `tunehound predict`"
        )
    yield from unused_parts(table, names, images)
    doubt = label_doubt(used, names)
    if doubt is not None:
        yield str(doubt)
    for part in ("val", "test"):
        here = labels_in(used, part)
        missing = sorted(labels_in(used, "train") - here)
        if here and missing:
            yield f"{PARTS[part]} has no images of some classes of train: {first_few(missing)}"


def unused_parts(table: Table, names: ColumnNames, images: Mapping[int, str]) -> Iterator[str]:
    """Say which columns and folders name parts, but are not used."""
    unused = [name for name in split_columns(table, apart=(names.id, *names.labels)) if name != names.split]
    if unused and names.split is None:
        yield (
            f"the column {unused[0]} names parts, but is not used, so test images are trained on; write split_column: "
            f"{unused[0]} to use its parts"
        )
    elif unused:
        yield f"of the columns that name parts only {names.split} is used, not {', '.join(unused)}"
    folders = {part_of(PurePath(name).parts[0]) for name in images.values()} - {None}
    if len(folders) > 1 and names.split is None and not unused:
        yield (
            "the images lie in folders that are named as parts, but no column names parts: all are divided anew; add a "
            "column of train, validation and test to the table, and name it as split_column, to keep them apart"
        )


def mistake(path: Path, rule: str, given: str | None, remedy: str) -> Problem:
    """Return a mistake in the table that the setting at ``path`` names."""
    return Problem(path=path, rule=rule, given=given, remedy=remedy)
