"""history.csv: a row an epoch, readable at any moment."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spaces.file.write import write_text
from trainables.features.policy import FEATURES, Source
from trainables.training.history import Row

HISTORY = "history.csv"
"""The file's name in the folder of a trial."""


def append_row(path: Path, row: Row) -> None:
    """Adds an epoch; the first one brings the header."""
    columns = _columns(path)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns or list(row), extrasaction="ignore")
        if not columns:
            writer.writeheader()
        writer.writerow(_told(row))


def write_history(path: Path, rows: Sequence[Row]) -> None:
    """Replaces the file, whole or not at all; no epochs leave no file."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(_told({**row, "epoch": int(row["epoch"])}) for row in rows)
    write_text(path, text.getvalue())


def read_history(path: Path) -> list[Row]:
    """The epochs so far; none where there is no file. A value that was not measured is left out.

    The file may be damaged: what is read ends before the first row that is not whole, or not the epoch that follows.
    """
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    rows: list[Row] = []
    for row in csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline="")):
        measured = _measured(row)
        if measured is None or measured.get("epoch") != len(rows) + 1:
            break
        rows.append(measured)
    return rows


def _measured(row: Mapping[str | None, Any]) -> Row | None:
    """A row's numbers; None where it is not whole."""
    if None in row or None in row.values():  # what `csv` makes of too many cells, and of too few
        return None
    try:
        return {str(name): _number(str(name), value) for name, value in row.items() if value}
    except ValueError:
        return None


def _told(row: Row) -> dict[str, float | str]:
    """A row as a reader is shown it: where features came from, in words."""
    return {name: Source(int(value)).told if name == FEATURES else value for name, value in row.items()}


def _number(name: str, value: str) -> float:
    return float(Source.of(value)) if name == FEATURES else float(value)


def _columns(path: Path) -> list[str]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return next(csv.reader(file), [])
