"""Detect the source of DATA: a folder, a label file, a .npz file or a TensorFlow dataset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from spaces.cache import expanded
from spaces.config.trial import CsvData, Data, FolderData, NpzData, TfdsData
from spaces.problem import InputError, Problem, nearest
from trainables.sources.csv import Table, endings, image_files, matches, read_table
from trainables.sources.image import is_hidden

SET_NAME = re.compile(r"(?P<name>[a-z][a-z0-9_]*(/[A-Za-z0-9_.\-]+)?)(:(?P<version>\d+\.\d+\.\d+))?")
LABEL_COLUMNS = ("label", "class", "breed", "category", "species", "target")
"""Names of the label column, in order of preference, if a table has several columns."""


def detect_source(given: str) -> Data:
    """Return the settings of the data source that ``given`` names: a folder, .csv, .npz or TensorFlow dataset.

    Raises:
        InputError: it is none of these.
    """
    path = expanded(given).absolute()
    if path.is_dir():
        tables = sorted(each for each in path.glob("*.csv") if not is_hidden(each))
        found = next((data for table in tables if (data := table_with_images(table)) is not None), None)
        return found or FolderData(source="folder", path=str(path))
    if path.is_file() and path.suffix.lower() == ".npz":
        return NpzData(source="npz", path=str(path))
    if path.is_file() and path.suffix.lower() == ".csv":
        data = table_with_images(path)
        if data is None:
            rule = "the table must have a column that names images next to it"
            problem = Problem(rule=rule, given=given, remedy="put the image folder next to the table")
            raise InputError([problem], given)
        return data
    name = SET_NAME.fullmatch(given)
    if name is None or path.exists():
        siblings = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        near = None if path.exists() else nearest(path.name, siblings)
        remedy = f"did you mean {path.parent / near}?" if near else "give one of these"
        rule = "DATA must be a folder, a .csv or .npz file, or the name of a TensorFlow dataset"
        raise InputError([Problem(rule=rule, given=given, remedy=remedy)], "tunehound new")
    return TfdsData(source="tfds", name=name["name"], version=name["version"])


def table_with_images(path: Path) -> CsvData | None:
    """Return the settings of a table if at least half of its rows name images next to it, else None."""
    table = read_table(path)
    best = max(candidates(path, table), key=lambda found: found[0], default=(0, "", path))
    hits, column, folder = best
    if 2 * hits < len(table.rows) or not hits:
        return None
    return CsvData(
        source="csv", labels=str(path), path=str(folder), id_column=column, label_column=label_column(table, column)
    )


def candidates(path: Path, table: Table) -> Iterator[tuple[int, str, Path]]:
    """Yield how many rows name an image, for each column and each folder that might hold the images."""
    folders = [path.parent, *(each for each in sorted(path.parent.iterdir()) if each.is_dir() and not is_hidden(each))]
    for folder in folders:
        images = image_files(folder, None)
        usual = endings(images)
        for column in sorted(table.columns, key=lambda name: name != "id"):
            names = set(table.column(column).values()) if images else set()
            yield sum(bool(matches(name, images, usual)) for name in names), column, folder


def label_column(table: Table, id_column: str) -> str | None:
    """Return the label column if it must be set: with several candidates, none of them called `label`."""
    others = [name for name in table.columns if name != id_column]
    if len(others) == 1 or "label" in others:
        return None
    return next((name for usual in LABEL_COLUMNS for name in others if name.lower() == usual), None)
