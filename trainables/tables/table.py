"""A table as a file holds it: named columns and rows of text."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from spaces.problem import InputError, Problem, first_few
from trainables.tables.dialect import NoTableError, Rows, read_rows, read_text

LABELS = ("trial", "data", "labels")


@dataclass(frozen=True)
class Table:
    """The content of a table, as text without leading or trailing blanks."""

    columns: tuple[str, ...]
    """Their names; 1, 2, … if the file has no header."""
    rows: Mapping[int, tuple[str, ...]]
    """By line number in the file, from 1."""
    separator: str = ","

    def column(self, name: str) -> dict[int, str]:
        """Return the cells of a column, by line number."""
        at = self.columns.index(name)
        return {line: row[at] for line, row in self.rows.items()}


def read_table(path: Path, *, header: bool = True) -> Table:
    """Read a table whose separator and encoding are found from its content; rows without any text are skipped.

    Raises:
        InputError: it is no table, its header repeats a column, or rows are longer or shorter than the first one.
    """
    try:
        rows, separator = read_rows(read_text(path))
    except (NoTableError, csv.Error) as error:
        rule = "the table must be text, in UTF-8, its columns separated by commas, semicolons, tabs or bars"
        cure = "save it as a CSV file in UTF-8; in Python: pandas.read_excel(FILE).to_csv('labels.csv', index=False)"
        raise InputError([Problem(path=LABELS, rule=rule, given=str(error), remedy=cure)], str(path)) from error
    mistakes = list(shape_mistakes(rows, header=header))
    if mistakes:
        raise InputError(mistakes, str(path))
    first, width = next(iter(rows.items()), (1, ()))
    if not header:
        return Table(tuple(str(number + 1) for number in range(len(width))), rows, separator)
    return Table(width, {line: row for line, row in rows.items() if line != first}, separator)


def shape_mistakes(rows: Rows, *, header: bool) -> Iterator[Problem]:
    """Check for column names that come twice, and for rows of another length than the first."""
    first = next(iter(rows.values()), ())
    twice = [name for name, count in Counter(first).items() if name and count > 1]
    if header and twice:
        yield Problem(
            path=LABELS, rule="column names must be unique", given=first_few(twice), remedy="rename one of them"
        )
    odd = [f"line {line} has {len(row)}" for line, row in rows.items() if len(row) != len(first)]
    if odd:
        rule = f"every row must have {len(first)} cells, like the {'header' if header else 'first one'}"
        cure = "put text that contains the separator in quotes"
        yield Problem(path=LABELS, rule=rule, given=first_few(odd), remedy=cure)
