"""The journal's file, for the one process that drives its run."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend, JournalFileBackend

FLUSH_S = 1.0
"""The disk is made to keep what was written no more often than this."""


class OwnJournal(BaseJournalBackend):
    """Where Optuna's `JournalStorage` keeps its records, without sharing the file with other writers.

    Optuna's own `JournalFileBackend` locks the file, flushes the disk and reads the record back, every time: some
    milliseconds, and memory for every record. The driver is the only writer of its run (`search.lock`), so here a
    record is written, no more. Once written it survives the death of the process; a machine that dies takes the records
    of its last seconds along. The format is Optuna's: others may read the file at any time.

    Args:
        path: of the file; it is created where it does not exist. A half-written last line, which only a machine or a
            disk that failed can have left, is cut off: it would spoil the next record.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._unread: list[dict[str, Any]] | None = None
        """What was written since the last reading; None before the file was read."""
        self._flushed = 0.0
        cut_half_line(self._path)

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """All records at the first reading, then those that were not read yet."""
        unread, self._unread = self._unread, []
        return JournalFileBackend(str(self._path)).read_logs(0) if unread is None else unread

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Writes records, each in a line of its own."""
        lines = [json.dumps(log, separators=(",", ":")) for log in logs]
        with self._path.open("ab") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
            file.flush()
            if time.monotonic() - self._flushed > FLUSH_S:
                os.fsync(file.fileno())
                self._flushed = time.monotonic()
        if self._unread is not None:
            self._unread += [json.loads(line) for line in lines]


def cut_half_line(path: Path) -> None:
    """Makes the file end with its last whole line."""
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
