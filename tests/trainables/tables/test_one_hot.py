"""One-hot columns: which they are, and what they mark."""

from __future__ import annotations

import pytest

from trainables.tables.one_hot import binary_columns, marked, one_hot_columns
from trainables.tables.table import Table

KINDS = ("cat", "dog", "owl")


def table(on: str = "1", off: str = "0") -> Table:
    """Six images: the classes in turn, a person in every second one, and a number."""
    rows = {n + 2: (*(on if n % 3 == k else off for k in range(3)), on if n % 2 else off, str(n)) for n in range(6)}
    return Table((*KINDS, "person", "number"), rows)


@pytest.mark.parametrize(("on", "off"), [("1", "0"), ("1.0", "0.0"), ("True", "False")])
def test_columns_of_ones_and_zeros_are_found(on: str, off: str) -> None:
    assert binary_columns(table(on, off), table().columns) == [*KINDS, "person"]
    assert marked(table(on, off), KINDS)[3] == ("dog",)


def test_exactly_one_of_them_is_marked_in_each_row() -> None:
    assert one_hot_columns(table(), KINDS) == [*KINDS]
    assert one_hot_columns(table(), [*KINDS, "person"]) == [*KINDS]
    assert one_hot_columns(table(), ["cat", "dog"]) == []
    assert one_hot_columns(table(), ["cat"]) == []
