"""Tables: columns by name, or by number without a header."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaces.problem import InputError
from trainables.tables.table import read_table


def written(home: Path, text: str) -> Path:
    (home / "table.csv").write_text(text)
    return home / "table.csv"


def test_the_first_row_names_the_columns(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "id;label\n\na; x\n"))
    assert (table.columns, table.rows, table.separator) == (("id", "label"), {3: ("a", "x")}, ";")
    assert table.column("label") == {3: "x"}


def test_without_a_header_columns_are_numbered(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "a,x\nb,x\n"), header=False)
    assert table.columns == ("1", "2")
    assert table.column("1") == {1: "a", 2: "b"}


def test_columns_without_a_name_may_come_twice_but_no_other(tmp_path: Path) -> None:
    assert read_table(written(tmp_path, ",,id\n1,2,a\n")).columns == ("", "", "id")
    with pytest.raises(InputError, match="column names must be unique; got 1: id"):
        read_table(written(tmp_path, "id,id\na,x\n"))


def test_rows_of_another_length_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="every row must have 2 cells, like the header; got 1: line 3 has 3"):
        read_table(written(tmp_path, "id,label\na,x\nb,x,y\n"))
