"""CSV whose cells no spreadsheet takes for formulas, whatever the names of classes, files and values.

A text that starts like a formula gets a leading apostrophe, as in spreadsheets themselves and as OWASP advises
("CSV Injection"). Numbers stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
"""The start of a formula, after any apostrophes, so that guarded and unguarded texts can be told apart."""
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def guarded(value: Any) -> Any:
    """Return a text that starts like a formula and is not a number behind an apostrophe; anything else unchanged."""
    if isinstance(value, str) and FORMULA.match(value) and not NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def unguarded(text: str) -> str:
    """Undo `guarded`."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def csv_row(values: Iterable[Any]) -> str:
    """Return a line of CSV."""
    line = io.StringIO()
    csv.writer(line).writerow(map(guarded, values))  # quotes cells with \r and \n in them, since its lines end so
    return line.getvalue().removesuffix("\r\n") + "\n"


def csv_text(frame: pd.DataFrame, *, index: bool = False) -> str:
    """Return a frame as CSV, optionally with its index."""
    safe = frame.rename(columns=guarded, index=guarded)
    for place, (_, column) in enumerate(safe.items()):
        if column.dtype.kind == "O":
            safe.isetitem(place, pd.Series([guarded(value) for value in column], dtype=column.dtype).array)
    text = safe.to_csv(index=index, lineterminator="\n")
    # A carriage return alone is not quoted, and would be read as the end of the line.
    return safe.to_csv(index=index, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC) if "\r" in text else text


def read_csv(content: bytes) -> pd.DataFrame:
    """Read a table that `csv_text` wrote, as text.

    Raises:
        ValueError: it is not one.
    """
    frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False).rename(columns=unguarded)
    for name, column in frame.items():
        if column.str.startswith("'").any():
            frame[name] = column.map(unguarded)
    return frame
