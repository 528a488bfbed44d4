"""The column of a table that says which part each image belongs to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from trainables.tables.part_names import FALSE, TRUE, PartName, flag_of, part_of
from trainables.tables.table import Table

COLUMNS = ("split", "set", "subset", "partition", "part", "fold", "dataset", "phase", "usage", "splits")
"""Names under which a column counts as one of parts even if some of its cells are empty or unknown."""


def part_in(cell: str, column: str) -> PartName | None:
    """Return the part that a cell names; None if it names none. In `is_train` and the like, a cell is true or false."""
    word, flag = cell.casefold(), flag_of(column)
    if flag is not None and word in TRUE:
        return flag[0]
    if flag is not None and word in FALSE:
        return flag[1]
    return part_of(cell)


def split_columns(table: Table, *, apart: Collection[str] = ()) -> list[str]:
    """Return the columns that name parts, the most telling first: by words, then `is_train`, then other flags.

    Columns ``apart``, those of the names and the classes, are none of them.
    """
    found = [name for name in table.columns if name not in apart and names_parts(name, table.column(name).values())]
    return sorted(found, key=lambda name: (is_flag(name, table), flag_of(name) != ("train", "test")))


def is_flag(column: str, table: Table) -> bool:
    """Whether the cells of a column are true or false."""
    return {cell.casefold() for cell in table.column(column).values()} <= {*TRUE, *FALSE}


def names_parts(column: str, cells: Iterable[str]) -> bool:
    """Whether a column names parts: two or more of them and nothing else; or any, under a usual name."""
    found = {part_in(cell, column) for cell in set(cells)}
    usual = re.sub(r"[\W_]+", "", column.casefold()) in COLUMNS
    return (None not in found and len(found) > 1) or (usual and found != {None} and bool(found))
