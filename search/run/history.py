"""history.csv: one row per epoch, readable at any time."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from spaces.file.content import content_of
from spaces.file.write import write_text
from trainables.features.policy import FEATURES, Source
from trainables.training.history import Row

HISTORY = "history.csv"
"""The file's name in the folder of a trial."""
MOST_BYTES = 200_000_000
"""A larger file is not read."""


def append_row(path: Path, row: Row) -> None:
    """Append an epoch; the first one also writes the header."""
    columns = _columns(path)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns or list(row), extrasaction="ignore")
        if not columns:
            writer.writeheader()
        writer.writerow(_with_labels(row))


def write_history(path: Path, rows: Sequence[Row]) -> None:
    """Replace the file atomically; without epochs there is none."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(_with_labels({**row, "epoch": int(row["epoch"])}) for row in rows)
    write_text(path, text.getvalue())


def read_history(path: Path) -> list[Row]:
    """Return the epochs so far, without values that were not measured; empty if there is no file.

    The file may be damaged: reading ends before the first row that is incomplete or out of order.

    Raises:
        InputError: it is a folder or a pipe, or may not be read.
    """
    if not os.path.lexists(path):
        return []
    text = content_of(path, most_bytes=MOST_BYTES).decode("utf-8", "replace")
    rows: list[Row] = []
    with contextlib.suppress(csv.Error):  # a cell without end, a zero byte
        for row in csv.DictReader(io.StringIO(text[: text.rfind("\n") + 1], newline="")):
            measured = _measured(row)
            if measured is None or measured.get("epoch") != len(rows) + 1:
                break
            rows.append(measured)
    return rows


def _measured(row: Mapping[str | None, Any]) -> Row | None:
    """Return the numbers of a row; None if it is incomplete."""
    if None in row or None in row.values():  # what `csv` makes of too many cells, and of too few
        return None
    try:
        return {str(name): _number(str(name), value) for name, value in row.items() if value}
    except ValueError:
        return None


def _with_labels(row: Row) -> dict[str, float | str]:
    """Return a row as the file has it: the source of the features as a label."""
    return {name: Source(int(value)).label if name == FEATURES else value for name, value in row.items()}


def _number(name: str, value: str) -> float:
    return float(Source.from_label(value)) if name == FEATURES else float(value)


def _columns(path: Path) -> list[str]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return next(csv.reader(file), [])


def history_file(directory: Path, number: int) -> Path:
    """Return the path of the history of a trial of the run in ``directory``."""
    return directory / "trials" / str(number) / HISTORY


def history(directory: Path, number: int) -> pd.DataFrame:
    """Return the history of a trial of the run in ``directory``, one row per epoch; empty if it reported nothing."""
    rows = read_history(history_file(directory, number))
    return pd.DataFrame([{**row, "epoch": int(row["epoch"])} for row in rows]) if rows else pd.DataFrame({"epoch": []})
