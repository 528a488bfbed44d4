"""Split columns: by their words under any name, by true and false under the name of a part."""

from __future__ import annotations

from itertools import cycle, islice

import pytest

from trainables.tables.split_column import part_in, split_columns
from trainables.tables.table import Table


def table(**columns: tuple[str, ...]) -> Table:
    rows = zip(*(islice(cycle(cells), 12) for cells in columns.values()), strict=True)
    return Table(tuple(columns), dict(enumerate(rows, start=2)))


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("split", ("train", "val", "test")),
        ("Subset", ("TRAIN", "Dev", "Testing")),
        ("purpose", ("training", "holdout")),
        ("Usage", ("Training", "PublicTest", "PrivateTest")),
        ("fold", ("train", "test")),
        ("is_test", ("False", "True")),
        ("valid", ("0", "1")),
        ("is_training_image", ("1.0", "0.0")),
        ("set", ("train", "", "unsure")),  # the cells that name none are reported when it is read
        ("dataset", ("val", "test")),  # and so is that train is missing
    ],
)
def test_a_column_of_parts_is_found(column: str, cells: tuple[str, ...]) -> None:
    assert split_columns(table(id=("a",), **{column: cells})) == [column]


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("split", ("A", "B")),
        ("fold", ("0", "1", "2")),
        ("phase", ("1", "2")),
        ("male", ("0", "1")),
        ("note", ("train", "ship")),
        ("vehicle", ("train", "train")),
    ],
)
def test_another_column_is_not(column: str, cells: tuple[str, ...]) -> None:
    assert split_columns(table(id=("a",), **{column: cells})) == []


def test_words_come_before_flags_and_the_column_of_classes_is_apart() -> None:
    found = table(is_test=("0", "1"), is_train=("1", "0"), split=("train", "test"), kind=("train", "test"))
    assert split_columns(found, apart=["kind"]) == ["split", "is_train", "is_test"]


def test_cells_are_read_in_any_case_and_unknown_ones_are_none() -> None:
    assert [part_in(cell, "split") for cell in ("VAL", "trn", "", "nan", "1")] == ["val", "train", None, None, None]
    assert [part_in(cell, "is_train") for cell in ("TRUE", "no", "maybe")] == ["train", "test", None]
