"""The journal's file: for the one process that drives its run, and for readers."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from search.run.events import EpochReported, TrialCreated, TrialEnded
from search.run.optuna_format import event
from search.run.records import fault_of
from spaces.file.content import content_of
from spaces.problem import InputError, Problem

JOURNAL = "study.journal"
"""The file's name in the run directory."""
MOST_BYTES = 8_000_000_000
"""A larger file is not read: trials need some kilobytes each."""
FLUSH_S = 1.0
"""The file is synchronised with the disk no more often than this."""


class OwnJournal(BaseJournalBackend):
    """The backend of Optuna's `JournalStorage` for the only writer of the file.

    Optuna's own `JournalFileBackend` locks the file, flushes it to disk and reads the record back each time: some
    milliseconds, and memory for every record. The driver is the only writer of its run (`search.run.lock`), so a record
    is just written here. It then survives the death of the process; if the machine dies, the records of its last second
    may be lost. The format is Optuna's, and others may read the file at any time.

    Args:
        path: of the file, which is created if it does not exist. It must end with a whole record: see
            `cut_half_record`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._unread: list[dict[str, Any]] | None = None
        """Records written since the last reading; None before the file was read."""
        self._flushed = 0.0

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Return all records the first time, then those written since."""
        unread, self._unread = self._unread, []
        return whole_records(self._path)[0] if unread is None else unread

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records, one per line.

        Raises:
            OSError: the disk is full or fails; the file is as before.
        """
        lines = [json.dumps(log, separators=(",", ":")) for log in logs]
        with self._path.open("ab", buffering=0) as file:
            end = file.tell()
            try:
                self._write(file, "".join(f"{line}\n" for line in lines).encode())
            except OSError:
                file.truncate(end)
                raise
        if self._unread is not None:
            self._unread += [json.loads(line) for line in lines]

    def _write(self, file: io.FileIO, text: bytes) -> None:
        while text:  # a disk that is nearly full takes a part, and fails only at the next attempt
            text = text[file.write(text) :]
        if time.monotonic() - self._flushed > FLUSH_S:
            os.fsync(file.fileno())
            self._flushed = time.monotonic()


class ReadJournal(BaseJournalBackend):
    """The backend for readers of a run, whose driver may be writing. Each record is parsed once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records = self._end = 0
        """How many records were read, and where in the file the last of them ends, in bytes."""

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Return the records that were written since the last reading.

        Raises:
            InputError: a record in the middle cannot be read, or says what no record says.
        """
        if log_number_from != self._records:  # another reader, or one that failed at a record
            self._records = self._end = 0
        skipped = log_number_from - self._records
        records, end = whole_records(self._path, start=self._end, number=self._records)
        check_records(records, self._path, number=self._records)
        self._end, self._records = end, self._records + len(records)
        return records[skipped:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Raise PermissionError: only its driver writes to a journal."""
        raise PermissionError(f"{self._path} is open for reading only")


def events(path: Path) -> Iterator[TrialCreated | EpochReported | TrialEnded]:
    """Yield what happened to the trials of a run, in the order of its journal.

    Optuna's trials hold what each of them reported, but not whether that was before or after another trial's report.
    """
    trials = 0
    for record in whole_records(path)[0]:
        if found := event(record, trials=trials):
            trials += isinstance(found, TrialCreated)
            yield found


def cut_half_record(path: Path) -> int:
    """Make a journal end with its last whole record, and return how many bytes were cut off.

    Raises:
        InputError: a record in the middle cannot be read.
    """
    if not path.exists():
        return 0
    _, end = whole_records(path)
    cut = path.stat().st_size - end
    if cut:
        os.truncate(path, end)
    return cut


def whole_records(path: Path, *, start: int = 0, number: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Read a journal: its records, none if there is no file, and where the last of them ends, in bytes.

    A machine or a disk that failed leaves half a line behind it, or a block of zeros; a driver at work half a line.

    Args:
        path: of the journal.
        start: where to begin, in bytes; a record begins there, or the file ends.
        number: how many records come before that.

    Raises:
        InputError: a record in the middle cannot be read.
    """
    content = _bytes_from(path, start)
    lines = content.splitlines(keepends=True)
    records: list[dict[str, Any]] = []
    for line in lines:
        record = record_of(line)
        if record is None:
            break
        records.append(record)
    if any(record_of(line) is not None for line in lines[len(records) :]):
        raise _spoiled(path, number + len(records) + 1)
    if not start and not records and not _may_begin_a_journal(content):
        raise _no_journal(path)
    return records, start + sum(map(len, lines[: len(records)]))


def _bytes_from(path: Path, start: int) -> bytes:
    return content_of(path, most_bytes=MOST_BYTES, start=start) if os.path.lexists(path) else b""


def _may_begin_a_journal(content: bytes) -> bool:
    """Whether this may be the half-written first record of a journal: it is cut off when the run is resumed."""
    text = content.strip(b"\0")
    first = b'{"op_code"'
    return first.startswith(text) or (text.startswith(first) and len(text.splitlines()) == 1)


def record_of(line: bytes) -> dict[str, Any] | None:
    """Return the record in a line of a journal; None if it is not a whole one."""
    try:
        record = json.loads(line.decode()) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def check_records(records: Sequence[dict[str, Any]], path: Path, *, number: int = 0) -> None:
    """Check what the records of a journal say, before Optuna replays them; ``number`` records come before them.

    Raises:
        InputError: one of them says what no record says.
    """
    for line, record in enumerate(records, start=number + 1):
        if (fault := fault_of(record)) is not None:
            remedy = "restore a copy of the file; if a later version of Tunehound wrote it, use that one"
            rule = "every line of a journal is a record that this version of Tunehound can read"
            raise InputError([Problem(rule=rule, given=fault, remedy=remedy)], f"{path}:{line}")


def _spoiled(path: Path, number: int) -> InputError:
    problem = Problem(
        rule="every line of a journal is a record",
        given="a line that cannot be read, followed by whole records",
        remedy=f"restore a copy of the file, or keep only its first {number - 1} lines and resume from there",
    )
    return InputError([problem], f"{path}:{number}")


def _no_journal(path: Path) -> InputError:
    remedy = "restore a copy of the file"
    problem = Problem(rule="a journal is text in UTF-8, a record in each line", given="none", remedy=remedy)
    return InputError([problem], str(path))
