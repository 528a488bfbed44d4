"""How a table is written: its encoding and its separator, both found from its content alone."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
"""The separators that are recognised, the usual one first, and their names."""
MARKS = {b"\xff\xfe\x00\x00": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""How a text begins in other encodings than UTF-8."""
FORMATS = {
    b"PK\x03\x04": "an Excel workbook or another ZIP file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x1f\x8b": "a gzip file",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format": "an SQLite database",
    b"{": "a JSON file",
    b"[": "a JSON file",
    b"<": "a web page or an XML file",
}
"""How files begin that people take for tables of text."""

Rows = Mapping[int, tuple[str, ...]]
"""The cells of each row, without leading or trailing blanks, by line number from 1; rows of blanks are left out."""


class NoTableError(ValueError):
    """A file that is no table of text; the message says what it is."""


def read_text(path: Path) -> str:
    """Read a text in UTF-8, or in UTF-16 or UTF-32 if it begins with their mark.

    Raises:
        NoTableError: it is something else.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NoTableError(f"a file that cannot be read ({error.strerror})") from error
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8-sig")
    kind = next((kind for start, kind in FORMATS.items() if content.lstrip().startswith(start)), None)
    if kind is not None:
        raise NoTableError(kind)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise NoTableError(f"bytes in line {line} that are no {encoding.removesuffix('-sig').upper()}") from error
    if "\0" in text:
        raise NoTableError("zero bytes, as in UTF-16 without a byte order mark")
    return text


def read_rows(text: str) -> tuple[Rows, str]:
    """Split a text into rows and return them with the separator.

    The first separator wins that splits every row into the same number of cells, at least two. If none does, the one
    that splits the first row most is taken, so that odd rows can be named. A first line `sep=;`, as Excel writes it,
    decides.

    Raises:
        csv.Error: quotes are not closed, or text follows a closed quote.
    """
    told = re.match(r'"?sep=(.)"?[ \t]*(\r\n|\r|\n)', text)
    if told:
        return split_rows("\n" + text[told.end() :], told[1]), told[1]
    found = {separator: rows for separator in SEPARATORS if (rows := fitting_rows(text, separator)) is not None}
    if " " in found and any(mark in text for mark in SEPARATORS if mark != " "):
        del found[" "]
    for separator, rows in found.items():
        widths = {len(row) for row in rows.values()}
        if len(widths) == 1 and min(widths) > 1:
            return rows, separator
    separator = max(found, key=lambda each: len(next(iter(found[each].values()), ()))) if found else ","
    return split_rows(text, separator), separator


def fitting_rows(text: str, separator: str) -> Rows | None:
    """Return the rows; None if quotes do not fit the separator."""
    try:
        return split_rows(text, separator)
    except csv.Error:
        return None


def split_rows(text: str, separator: str) -> Rows:
    """Split a text into rows at a separator. Raises: csv.Error."""
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=separator == " ")
    rows = ((reader.line_num, tuple(cell.strip() for cell in row)) for row in reader)
    return {line: row for line, row in rows if any(row)}
