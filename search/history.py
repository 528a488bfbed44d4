"""history.csv: a row an epoch, readable at any moment."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from spaces.write import write_text
from trainables.history import Row


def append_row(path: Path, row: Row) -> None:
    """Adds an epoch; the first one brings the header."""
    columns = _columns(path)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns or list(row), extrasaction="ignore")
        if not columns:
            writer.writeheader()
        writer.writerow(row)


def write_history(path: Path, rows: Sequence[Row]) -> None:
    """Replaces the file, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_history(path: Path) -> list[Row]:
    """The epochs so far; none where there is no file. A value that was not measured is left out."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def _columns(path: Path) -> list[str]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])
