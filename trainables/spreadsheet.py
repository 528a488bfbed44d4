"""CSV whose cells no spreadsheet takes for formulas, whatever classes, files and values are called.

A text that begins like a formula gets an apostrophe before it, as spreadsheets have it themselves and OWASP advises
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
"""How a formula begins; apostrophes before it are counted in, so that what is guarded is known from what is not."""
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def guarded(value: Any) -> Any:
    """A text that begins like a formula and is no number, behind an apostrophe; anything else as it is."""
    if isinstance(value, str) and FORMULA.match(value) and not NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def csv_row(values: Iterable[Any]) -> str:
    """A line of CSV."""
    line = io.StringIO()
    csv.writer(line).writerow(map(guarded, values))  # quotes cells with \r and \n in them, since its lines end so
    return line.getvalue().removesuffix("\r\n") + "\n"


def csv_text(frame: pd.DataFrame, *, index: bool = False) -> str:
    """A frame as CSV, with its index where asked for."""
    safe = frame.rename(columns=guarded, index=guarded)
    for place, (_, column) in enumerate(safe.items()):
        if column.dtype.kind == "O":
            safe.isetitem(place, pd.Series([guarded(value) for value in column], dtype=column.dtype).array)
    text = safe.to_csv(index=index, lineterminator="\n")
    # A carriage return alone is not quoted, and would be read as the end of the line.
    return safe.to_csv(index=index, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC) if "\r" in text else text


def read_csv(content: bytes) -> pd.DataFrame:
    """A table that `csv_text` wrote, all of it text.

    Raises:
        ValueError: it is none.
    """
    frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False).rename(columns=unguarded)
    for name, column in frame.items():
        if column.str.startswith("'").any():
            frame[name] = column.map(unguarded)
    return frame
