"""The journal's file, for the one process that drives its run."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend
from optuna.storages.journal._storage import JournalOperation  # the meaning of the numbers in the file

from search.run.events import Begun, Ended, Reported
from spaces.problem import InputError, Problem

JOURNAL = "study.journal"
"""The file's name in the run directory."""
FLUSH_S = 1.0
"""The disk is made to keep what was written no more often than this."""


class OwnJournal(BaseJournalBackend):
    """Where Optuna's `JournalStorage` keeps its records, without sharing the file with other writers.

    Optuna's own `JournalFileBackend` locks the file, flushes the disk and reads the record back, every time: some
    milliseconds, and memory for every record. The driver is the only writer of its run (`search.run.lock`), so here a
    record is written, no more. Once written it survives the death of the process; a machine that dies takes the records
    of its last seconds along. The format is Optuna's: others may read the file at any time.

    Args:
        path: of the file; it is created where it does not exist. Its end must be whole: see `cut_half_record`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._unread: list[dict[str, Any]] | None = None
        """What was written since the last reading; None before the file was read."""
        self._flushed = 0.0

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """All records at the first reading, then those that were not read yet."""
        unread, self._unread = self._unread, []
        return whole_records(self._path)[0] if unread is None else unread

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Writes records, each in a line of its own.

        Raises:
            OSError: the disk is full, or fails; the file is as it was before.
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
        while text:  # a disk that is nearly full takes a part, and says so at the next attempt only
            text = text[file.write(text) :]
        if time.monotonic() - self._flushed > FLUSH_S:
            os.fsync(file.fileno())
            self._flushed = time.monotonic()


class ReadJournal(BaseJournalBackend):
    """The same file for those who look at a run, while its driver may be at work."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """The records from a number on."""
        return whole_records(self._path)[0][log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Never: only its driver writes to a journal."""
        raise PermissionError(f"{self._path} is open for reading only")


def events(path: Path) -> Iterator[Begun | Reported | Ended]:
    """What happened to the trials of a run, in the order in which its journal has it.

    Optuna tells what a trial reported, but not whether that was before or after another trial's report.
    """
    begun = 0
    for record in whole_records(path)[0]:
        match record:
            case {"op_code": JournalOperation.CREATE_TRIAL}:
                yield Begun(number=begun, baseline=bool(record.get("user_attrs", {}).get("baseline")))
                begun += 1
            case {"op_code": JournalOperation.SET_TRIAL_INTERMEDIATE_VALUE, "trial_id": number}:
                yield Reported(number=number, epoch=record["step"], value=record["intermediate_value"])
            case {"op_code": JournalOperation.SET_TRIAL_USER_ATTR, "user_attr": {"reason": reason}}:
                yield Ended(number=record["trial_id"], reason=reason)


def cut_half_record(path: Path) -> int:
    """Makes a journal end with its last whole record; returns how many bytes were cut off.

    Raises:
        InputError: a record in the middle cannot be read.
    """
    _, cut = whole_records(path)
    if cut:
        os.truncate(path, path.stat().st_size - cut)
    return cut


def whole_records(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The records of a journal, none where there is no file, and the number of bytes behind the last of them.

    A machine or a disk that failed leaves half a line there, or a block of zeros; a driver at work half a line.

    Raises:
        InputError: a record in the middle cannot be read.
    """
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    records: list[dict[str, Any]] = []
    for line in lines:
        record = record_of(line)
        if record is None:
            break
        records.append(record)
    rest = lines[len(records) :]
    if any(record_of(line) is not None for line in rest):
        raise _spoiled(path, len(records) + 1)
    return records, sum(map(len, rest))


def record_of(line: bytes) -> dict[str, Any] | None:
    """What a line of a journal says; None where it is no whole record."""
    try:
        record = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _spoiled(path: Path, number: int) -> InputError:
    problem = Problem(
        rule="every line of a journal is a record",
        given="a line that cannot be read, with whole records after it",
        remedy=f"bring a copy of the file back, or keep its first {number - 1} lines alone and resume from there",
    )
    return InputError([problem], f"{path}:{number}")
