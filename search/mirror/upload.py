"""Sends what changed of a run, in an order in which whatever lies there can be resumed at any moment.

A pass begins with a list of the files, then takes the journal as it is, then sends histories — no epoch of a trial that
this journal does not have —, then the journal, then those checkpoints that were written before it was taken, and at
last removes what was gone when the pass began. So a machine that takes the run up sees what a driver leaves that was
killed at the moment at which the journal was taken: `search.study.repair` knows how to go on from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from optuna.storages.journal._storage import JournalOperation  # the meaning of the numbers in the file

from search.mirror.files import Mark, is_checkpoint, is_mirrored, listed, mark_of, trial_of_history
from search.mirror.store import Place
from search.run.journal import JOURNAL, record_of

AT_ONCE, AT_ONCE_BYTES = 64, 16_000_000
"""How many files, and bytes, are handed to the store together."""


class NotHeldError(Exception):
    """Somebody else may be writing there: nothing is sent until that is known."""


class Upload:
    """What a place has of a run.

    Args:
        directory: of the run.
        place: where its files go.
        may_write: looks, before every writing, whether nobody else writes there.
    """

    def __init__(self, directory: Path, place: Place, *, may_write: Callable[[], bool]) -> None:
        # Whole: while Ray starts, the process's working directory is another one.
        self._directory, self._place, self._may_write = directory.resolve(), place, may_write
        self._sent: dict[str, Mark] = {}
        self._there: set[str] | None = None
        self._known = Known()
        self._journal_sent = 0
        self.heard = time.monotonic()
        """When the store last took something, or needed nothing."""

    def send(self) -> None:
        """One pass. Whatever the store's library raises goes through; the next pass sends what this one did not.

        Raises:
            NotHeldError: somebody else may be writing there.
        """
        if self._there is None:
            self._there = {name for name in self._place.sizes() if is_mirrored(name)}
        files = listed(self._directory)
        journal = self._known.read(self._directory / JOURNAL)
        changed = [name for name, mark in files.items() if self._sent.get(name) != mark and name != JOURNAL]
        self._send_all(self._read(files, [name for name in changed if not is_checkpoint(name)]))
        if len(journal) != self._journal_sent:
            self._write({JOURNAL: journal}, {})
            self._journal_sent = len(journal)
        self._send_all(self._read(files, [name for name in changed if is_checkpoint(name)]))
        self._remove(self._there - {*files, JOURNAL})
        self.heard = time.monotonic()

    def unsent(self) -> list[str]:
        """The files that the place lacks, or has as they were."""
        files = listed(self._directory)
        lacking = [name for name, mark in files.items() if self._sent.get(name) != mark and name != JOURNAL]
        journal = mark_of(self._directory / JOURNAL)
        return [*([JOURNAL] if journal and journal[1] != self._journal_sent else []), *lacking]

    def _read(self, files: Mapping[str, Mark], names: list[str]) -> Iterator[tuple[str, bytes, Mark | None]]:
        """Contents, and the mark under which each need not be sent again."""
        for name in names:
            try:
                content = (self._directory / name).read_bytes()
            except FileNotFoundError:
                continue  # the trial has ended meanwhile
            mark: Mark | None = files[name]
            if is_checkpoint(name) and mark_of(self._directory / name) != mark:
                continue  # it may be ahead of the journal that was taken
            if (trial := trial_of_history(name)) is not None:
                content, whole = cut(content, rows=self._known.epochs.get(trial, 0))
                mark = mark if whole else None
            yield name, content, mark

    def _send_all(self, contents: Iterator[tuple[str, bytes, Mark | None]]) -> None:
        together: dict[str, bytes] = {}
        marks: dict[str, Mark] = {}
        for name, content, mark in contents:
            together[name] = content
            if mark:
                marks[name] = mark
            if len(together) >= AT_ONCE or sum(map(len, together.values())) > AT_ONCE_BYTES:
                self._write(together, marks)
                together, marks = {}, {}
        self._write(together, marks)

    def _write(self, contents: Mapping[str, bytes], marks: Mapping[str, Mark]) -> None:
        if not contents:
            return
        self._permitted()
        self._place.write_all(contents)
        self._sent |= marks
        self._there = {*(self._there or ()), *contents}
        self.heard = time.monotonic()

    def _remove(self, names: set[str]) -> None:
        if names:
            self._permitted()
            self._place.remove(sorted(names))
            self._there = (self._there or set()) - names
            for name in names:
                self._sent.pop(name, None)

    def _permitted(self) -> None:
        if not self._may_write():
            raise NotHeldError


class Known:
    """What the journal says by now, read on from where it was left."""

    def __init__(self) -> None:
        self._read = 0
        self.epochs: dict[int, int] = {}
        """By trial, how many it reported."""

    def read(self, journal: Path) -> bytes:
        """The journal as it is now; what is behind its last whole record is left out."""
        content = journal.read_bytes() if journal.exists() else b""
        for line in content[self._read :].splitlines(keepends=True):
            record = record_of(line)
            if record is None:
                break
            self._read += len(line)
            self._learn(record)
        return content[: self._read]

    def _learn(self, record: Mapping[str, Any]) -> None:
        match record:
            case {"op_code": JournalOperation.CREATE_TRIAL}:
                self.epochs[len(self.epochs)] = len(record.get("intermediate_values") or ())
            case {"op_code": JournalOperation.SET_TRIAL_INTERMEDIATE_VALUE, "trial_id": trial, "step": epoch}:
                self.epochs[trial] = max(self.epochs[trial], epoch)


def cut(history: bytes, *, rows: int) -> tuple[bytes, bool]:
    """The header and the first rows of a history, and whether that is all of it."""
    lines = history.splitlines(keepends=True)
    return b"".join(line for line in lines[: rows + 1] if line.endswith(b"\n")), len(lines) <= rows + 1
