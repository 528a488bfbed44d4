"""Encodings and separators: found from the content, the same way each time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.tables.dialect import NoTableError, read_rows, read_text

CELLS = st.text("bÄ ,;|\t'").map("a{}".format)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@settings(max_examples=40)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=2, max_size=8))
def test_what_is_written_with_a_separator_is_read_again(separator: str, rows: list[tuple[str, str]]) -> None:
    table = [("file", "label"), *((f'"{first}"', f'"{second}"') for first, second in rows)]
    found, used = read_rows("\n".join(map(separator.join, table)))
    assert used == separator
    assert list(found.values())[1:] == [(first.strip(), second.strip()) for first, second in rows]


def test_commas_come_first_and_decimal_commas_do_not_mislead() -> None:
    assert read_rows("file,labels\na.jpg,x;y\n")[1] == ","
    assert read_rows("file;age\na.jpg;1,5\nb.jpg;2,5\n")[1] == ";"
    assert read_rows("a.jpg cat\nb.jpg  dog\n") == ({1: ("a.jpg", "cat"), 2: ("b.jpg", "dog")}, " ")
    assert read_rows("file,label\nmy cat.jpg,big cat\n")[1] == ","


def test_the_line_that_excel_writes_decides() -> None:
    rows, separator = read_rows("sep=;\r\nfile;label\r\na.jpg;x\r\n")
    assert separator == ";"
    assert rows == {2: ("file", "label"), 3: ("a.jpg", "x")}


def test_rows_of_blanks_are_left_out_and_odd_ones_kept() -> None:
    rows, separator = read_rows("file;label\n;\na.jpg;x;y\n\n")
    assert (rows, separator) == ({1: ("file", "label"), 3: ("a.jpg", "x", "y")}, ";")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_texts_in_unicode_are_read(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes("file,Möwe\n".encode(encoding))
    assert read_text(tmp_path / "table") == "file,Möwe\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04\x14", "an Excel workbook"),
        (b"PAR1\x15", "a Parquet file"),
        (b'[{"file": "a.jpg"}]', "a JSON file"),
        (b"\n<!DOCTYPE html>", "a web page"),
        ("file,label\na,Möwe".encode("latin-1"), "bytes in line 2 that are no UTF-8"),
        ("file,label".encode("utf-16-le"), "zero bytes, as in UTF-16 without"),
    ],
)
def test_what_is_no_text_is_called_what_it_is(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(content)
    with pytest.raises(NoTableError, match=words):
        read_text(tmp_path / "table")
