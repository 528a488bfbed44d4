"""The columns of a table that a sweep reads: image names, classes, and parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spaces.config.trial import CsvData
from spaces.problem import InputError, Path, Problem, did_you_mean, first_few
from trainables.tables.one_hot import OFF, ON, marked
from trainables.tables.part_names import PartName
from trainables.tables.split_column import part_in
from trainables.tables.table import Table

USUAL_LABEL_COLUMN = "label"
CLASSES_CURE = "correct these cells"


@dataclass(frozen=True, kw_only=True)
class ColumnNames:
    """The names of the columns that are read."""

    id: str
    labels: tuple[str, ...]
    """One column, or several one-hot columns."""
    split: str | None


@dataclass(frozen=True, kw_only=True)
class ImageRows:
    """The cells of the columns that are read, by line number in the file."""

    ids: Mapping[int, str]
    labels: Mapping[int, str]
    """Empty where a row has none."""
    parts: Mapping[int, PartName]
    """The part of each row; without a split column train, and the other parts are split off."""


def columns_of(data: CsvData, table: Table) -> ColumnNames:
    """Return the columns that the settings name, or the only ones that fit.

    Raises:
        InputError: one is missing, or several columns might hold the labels.
    """
    split = () if data.split_column is None else (data.split_column,)
    wanted = {"id_column": (data.id_column,), "label_columns": data.label_columns or (), "split_column": split}
    for key, names in wanted.items():
        missing = [name for name in names if name not in table.columns]
        if missing:
            raise no_column(data, key, missing[0], table.columns)
    if data.label_columns is not None:
        return ColumnNames(id=data.id_column, labels=data.label_columns, split=data.split_column)
    return ColumnNames(id=data.id_column, labels=(label_column_of(data, table.columns),), split=data.split_column)


def label_column_of(data: CsvData, columns: Sequence[str]) -> str:
    """Return the label column: the one that is named, the only one that remains, or the one called label.

    Raises:
        InputError: there is none, or there are several.
    """
    others = [name for name in columns if name not in (data.id_column, data.split_column)]
    if data.label_column in others:
        return data.label_column
    if data.label_column is None and (len(others) == 1 or USUAL_LABEL_COLUMN in others):
        return others[0] if len(others) == 1 else USUAL_LABEL_COLUMN
    raise no_column(data, "label_column", data.label_column or USUAL_LABEL_COLUMN, columns)


def no_column(data: CsvData, key: str, wanted: str, columns: Sequence[str]) -> InputError:
    """Return the error for a column that the table does not have; ``key`` is the setting that names it."""
    others = [name for name in columns if key == "id_column" or name != data.id_column]
    purpose = {"id_column": "the names of the images", "split_column": "the parts"}.get(key, "the classes")
    remedy = f"{did_you_mean(wanted, others)}; write {key}: NAME" if others else "name another file, or add the column"
    if len(columns) == 1:
        remedy = "separate the columns by commas, semicolons or tabs, in every row in the same way"
    rule, found = f"the table must have a column {wanted} with {purpose}", ", ".join(columns) or "no columns"
    return InputError([Problem(path=where(key), rule=rule, given=found, remedy=remedy)], data.labels)


def read_columns(table: Table, names: ColumnNames) -> tuple[ImageRows, list[Problem]]:
    """Return the cells of the columns, and the mistakes in one-hot columns and in the split column."""
    labels, mistakes = read_labels(table, names.labels)
    parts: dict[int, PartName] = dict.fromkeys(table.rows, "train")
    if names.split is not None:
        parts, unknown = read_parts(table, names.split)
        mistakes += unknown
    return ImageRows(ids=table.column(names.id), labels=labels, parts=parts), mistakes


def read_labels(table: Table, columns: Sequence[str]) -> tuple[dict[int, str], list[Problem]]:
    """Return the label of each row, and the mistakes in one-hot columns."""
    if len(columns) == 1:
        return table.column(columns[0]), []
    cells = {name: table.column(name) for name in columns}
    odd = [
        f"line {line} ({name}: {cells[name][line] or 'empty'})"
        for line in table.rows
        for name in columns
        if cells[name][line].casefold() not in (*ON, *OFF)
    ]
    if odd:
        rule = "one-hot columns may hold only 0 and 1, or false and true"
        return {}, [Problem(path=where("label_columns"), rule=rule, given=first_few(odd), remedy=CLASSES_CURE)]
    found = marked(table, columns)
    wrong = [f"line {line} ({', '.join(ones) or 'none'})" for line, ones in found.items() if len(ones) != 1]
    labels = {line: ones[0] if ones else "" for line, ones in found.items()}
    if not wrong:
        return labels, []
    rule = f"every row must have a 1 in exactly one of the columns {', '.join(columns)}: one label an image"
    remedy = "keep one label an image; give rows without any a column of their own, or remove them with their images"
    return labels, [Problem(path=where("label_columns"), rule=rule, given=first_few(wrong), remedy=remedy)]


def read_parts(table: Table, column: str) -> tuple[dict[int, PartName], list[Problem]]:
    """Return the part of each row, and the cells that name none."""
    cells = table.column(column)
    found = {line: part_in(cell, column) for line, cell in cells.items()}
    unknown = [f"line {line} ({cells[line] or 'empty'})" for line, part in found.items() if part is None]
    mistakes = []
    if unknown:
        rule = f"every cell of {column} must name a part: train, validation or test"
        remedy = "correct these cells, or remove the rows and their images; without split_column, all are divided anew"
        mistakes.append(Problem(path=where("split_column"), rule=rule, given=first_few(unknown), remedy=remedy))
    parts = {line: part for line, part in found.items() if part is not None}
    if cells and "train" not in parts.values():
        rule, given = f"{column} must name images of train", ", ".join(sorted(set(cells.values()))[:5])
        remedy = "name another column, or remove split_column: all images are then divided anew"
        mistakes.append(Problem(path=where("split_column"), rule=rule, given=given, remedy=remedy))
    return parts, mistakes


def where(key: str) -> Path:
    """Return the place of a setting of the data."""
    return "trial", "data", key
