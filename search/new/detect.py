"""DATA, as a person names it → the settings of its source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from spaces.config.trial import CsvData, Data, FolderData, NpzData, TfdsData
from spaces.problem import InputError, Problem, nearest
from trainables.sources.csv import Table, endings, image_files, matches, read_table
from trainables.sources.image import is_hidden

SET_NAME = re.compile(r"(?P<name>[a-z][a-z0-9_]*(/[A-Za-z0-9_.\-]+)?)(:(?P<version>\d+\.\d+\.\d+))?")
LABEL_COLUMNS = ("label", "class", "breed", "category", "species", "target")
"""Columns that are taken for the classes where a table has several, in this order."""


def recognised(given: str) -> Data:
    """The settings of the source that ``given`` names: a folder, a .csv, a .npz, or a set of TensorFlow Datasets.

    Raises:
        InputError: it is none of these.
    """
    path = Path(given).expanduser().absolute()
    if path.is_dir():
        tables = sorted(each for each in path.glob("*.csv") if not is_hidden(each))
        found = next((data for table in tables if (data := table_with_images(table)) is not None), None)
        return found or FolderData(source="folder", path=str(path))
    if path.is_file() and path.suffix.lower() == ".npz":
        return NpzData(source="npz", path=str(path))
    if path.is_file() and path.suffix.lower() == ".csv":
        data = table_with_images(path)
        if data is None:
            rule, cure = "a column of the table names images beside it", "lay the folder of images beside the table"
            raise InputError([Problem(rule=rule, given=given, remedy=cure)], given)
        return data
    name = SET_NAME.fullmatch(given)
    if name is None or path.exists():
        siblings = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        near = None if path.exists() else nearest(path.name, siblings)
        cure = f"did you mean {path.parent / near}?" if near else "name one of these"
        rule = "DATA is a folder, a .csv or .npz file, or a set of TensorFlow Datasets"
        raise InputError([Problem(rule=rule, given=given, remedy=cure)], "tunehound new")
    return TfdsData(source="tfds", name=name["name"], version=name["version"])


def table_with_images(path: Path) -> CsvData | None:
    """The settings of a table of which at least half of the rows name images beside it; None where there are none."""
    table = read_table(path)
    best = max(candidates(path, table), key=lambda found: found[0], default=(0, "", path))
    hits, column, folder = best
    if 2 * hits < len(table.rows) or not hits:
        return None
    return CsvData(
        source="csv", labels=str(path), path=str(folder), id_column=column, label_column=label_column(table, column)
    )


def candidates(path: Path, table: Table) -> Iterator[tuple[int, str, Path]]:
    """How many rows name an image, for each column and each folder that might hold the images."""
    folders = [path.parent, *(each for each in sorted(path.parent.iterdir()) if each.is_dir() and not is_hidden(each))]
    for folder in folders:
        images = image_files(folder, None)
        usual = endings(images)
        for column in sorted(table.columns, key=lambda name: name != "id"):
            names = set(table.column(column).values()) if images else set()
            yield sum(bool(matches(name, images, usual)) for name in names), column, folder


def label_column(table: Table, id_column: str) -> str | None:
    """The column of the classes, where the table has several others and none is called label."""
    others = [name for name in table.columns if name != id_column]
    if len(others) == 1 or "label" in others:
        return None
    return next((name for usual in LABEL_COLUMNS for name in others if name.lower() == usual), None)
