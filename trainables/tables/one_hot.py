"""Classes that are written as a column each, with a 1 for the class of the image: one-hot columns."""

from __future__ import annotations

from collections.abc import Sequence

from trainables.tables.table import Table

ON, OFF = ("1", "1.0", "true"), ("0", "0.0", "false")


def marked(table: Table, columns: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """Return the names of the columns that hold a 1 or true, by line number."""
    cells = {name: table.column(name) for name in columns}
    return {line: tuple(name for name in columns if cells[name][line].casefold() in ON) for line in table.rows}


def binary_columns(table: Table, columns: Sequence[str]) -> list[str]:
    """Return those columns that hold nothing but 0 and 1, or false and true, and something of both."""
    cells = {name: {cell.casefold() for cell in table.column(name).values()} for name in columns}
    return [name for name in columns if cells[name] <= {*ON, *OFF} and cells[name] & {*ON} and cells[name] & {*OFF}]


def one_hot_columns(table: Table, columns: Sequence[str]) -> list[str]:
    """Return the columns of which exactly one holds a 1 in every row: all of them, or all but one; else none."""
    ways = [list(columns), *([name for name in columns if name != left_out] for left_out in columns)]
    fitting = [way for way in ways if len(way) > 1 and all(len(ones) == 1 for ones in marked(table, way).values())]
    return fitting[0] if len(fitting) == 1 else []
