"""Stored features of one part of a data set: rows on disk that several processes fill together, and all map.

An entry is a folder in the store (`trainables.data.store`), its room taken when it is made. Its rows are computed chunk
by chunk, by whichever process needs them first: each holds a lock on the chunk that it computes, which is gone when the
process is, and writes the chunk's checksum last. A chunk without a checksum, or with one that its rows do not match, is
computed again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import shutil
import time
import weakref
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.data import store
from trainables.data.entry import META, Shortage, put_away
from trainables.features.prefix import FeatureArray

CHUNK = 256
"""Images whose features are computed, checked and locked together."""
SUMS, LOCKS = "sums", "locks"
POLL_S = 0.05
"""How often a process that waits for a chunk looks whether it is there."""

Compute = Callable[[int, int], Sequence[FeatureArray]]
"""From a view and a chunk, both counted from 0, to its features at each cut."""


class NoRoomError(Exception):
    """There is no room for features: they are more than the store may hold, or than fits on the disk."""

    def __init__(self, shortage: Shortage, needed: int) -> None:
        super().__init__(shortage, needed)
        self.shortage, self.needed = shortage, needed


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What an entry has room for."""

    images: int
    views: int
    shapes: tuple[tuple[int, ...], ...]
    """Of one image's features, at each cut."""
    dtype: str

    @property
    def chunks(self) -> int:
        """In a view."""
        return -(-self.images // CHUNK)

    @property
    def bytes(self) -> int:
        """Of all features."""
        return self.images * self.views * sum(map(self.row_bytes, self.shapes))

    def row_bytes(self, shape: tuple[int, ...]) -> int:
        """Of one image's features at a cut."""
        return math.prod(shape) * np.dtype(self.dtype).itemsize

    def rows(self, view: int, chunk: int) -> slice:
        """Where a chunk stands among all rows: view by view, image by image."""
        first = view * self.images + chunk * CHUNK
        return slice(first, min(first + CHUNK, (view + 1) * self.images))


class Entry:
    """An entry in use: nobody evicts it while this object lives."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        """Opens the entry in a folder. Raises: OSError, ValueError: there is none, or a damaged one."""
        claim = os.open(folder / META, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, claim)
        fcntl.flock(claim, fcntl.LOCK_SH)
        with contextlib.suppress(OSError):
            os.utime(folder / META)  # the least recently used are the first to go
        self.folder, self.layout = folder, layout
        self._locks = os.open(folder / LOCKS, os.O_RDWR | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._locks)
        self._sums = np.memmap(_of_size(folder / SUMS, 4 * self._marks), np.uint32, mode="r+")
        self.values = [self._mapped(number, shape) for number, shape in enumerate(layout.shapes)]
        self._checked = np.zeros(self._marks, bool)

    def fill(self, view: int, compute: Compute, *, heed: Callable[[], None]) -> int:
        """Makes sure that a view is whole; returns how many chunks of it were computed here.

        Chunks that others are computing are left to them, and waited for in the end. ``heed`` is called every now and
        then, and may raise.

        Raises:
            NoRoomError: the disk is full.
        """
        left, done = list(range(self.layout.chunks)), 0
        for patient in (False, True):
            busy = []
            for chunk in left:
                heed()
                computed = self._filled(view, chunk, compute, heed=heed if patient else None)
                if computed is None:
                    busy.append(chunk)
                done += bool(computed)
            left = busy
        return done

    def _filled(self, view: int, chunk: int, compute: Compute, *, heed: Callable[[], None] | None) -> bool | None:
        """Whether a chunk had to be computed; None where another process does. With ``heed`` it is waited for."""
        if self._is_whole(view, chunk):
            return False
        with self._alone_with(view, chunk, heed=heed) as alone:
            if not alone:
                return None
            if self._is_whole(view, chunk):
                return False
            self._write(view, chunk, compute(view, chunk))
            return True

    @property
    def _marks(self) -> int:
        return self.layout.views * self.layout.chunks

    def _mapped(self, number: int, shape: tuple[int, ...]) -> FeatureArray:
        """All rows at a cut, mapped: copied on writing, so that no process can spoil another's."""
        rows = self.layout.images * self.layout.views
        file = _of_size(self.folder / str(number), rows * self.layout.row_bytes(shape))
        return np.memmap(file, np.dtype(self.layout.dtype), mode="c", shape=(rows, *shape))

    def _is_whole(self, view: int, chunk: int) -> bool:
        mark = view * self.layout.chunks + chunk
        if not self._checked[mark]:
            told = int(self._sums[mark])
            rows = self.layout.rows(view, chunk)
            self._checked[mark] = told != 0 and told == _sum([values[rows] for values in self.values])
        return bool(self._checked[mark])

    def _write(self, view: int, chunk: int, features: Sequence[FeatureArray]) -> None:
        rows, mark = self.layout.rows(view, chunk), view * self.layout.chunks + chunk
        try:
            for number, (values, shape) in enumerate(zip(features, self.layout.shapes, strict=True)):
                # Written, not mapped: a full disk is an error then, not a signal.
                with (self.folder / str(number)).open("r+b") as file:
                    file.seek(rows.start * self.layout.row_bytes(shape))
                    file.write(np.ascontiguousarray(values).data)
        except OSError as error:
            raise NoRoomError("disk", self.layout.bytes) from error
        self._sums[mark] = _sum(features)

    @contextlib.contextmanager
    def _alone_with(self, view: int, chunk: int, *, heed: Callable[[], None] | None) -> Iterator[bool]:
        mark = view * self.layout.chunks + chunk
        alone = self._locked(mark)
        while not alone and heed is not None:
            heed()
            time.sleep(POLL_S)
            alone = self._locked(mark)
        try:
            yield alone
        finally:
            if alone:
                fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, mark)

    def _locked(self, mark: int) -> bool:
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, mark)
        except OSError:
            return False
        return True


def open_entry(key: str, layout: Layout) -> Entry:
    """The entry of that key, made where there is none.

    Raises:
        NoRoomError: there is no room for it.
        trainables.data.store.UnusableError: the store cannot be written to.
    """
    folder = store.root() / key
    with contextlib.suppress(OSError, ValueError):
        return Entry(folder, layout)
    with store.building(key, "frozen features"):
        with contextlib.suppress(OSError, ValueError):
            return Entry(folder, layout)  # made meanwhile
        with store.making_room(key, layout.bytes) as (draft, shortage):
            if shortage is not None:
                raise NoRoomError(shortage, layout.bytes)
            try:
                _make(draft, layout)
            except OSError as error:
                shutil.rmtree(draft, ignore_errors=True)
                raise NoRoomError("disk", layout.bytes) from error
            put_away(folder)  # a damaged one
            draft.rename(folder)
        return Entry(folder, layout)


def _make(folder: Path, layout: Layout) -> None:
    folder.mkdir()
    sizes = {str(n): layout.images * layout.views * layout.row_bytes(s) for n, s in enumerate(layout.shapes)}
    for name, size in {**sizes, SUMS: 4 * layout.views * layout.chunks, LOCKS: 0}.items():
        with (folder / name).open("wb") as file:
            if size and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            file.truncate(size)
    (folder / META).write_text(json.dumps({"features": layout.shapes, "images": layout.images, "views": layout.views}))


def _of_size(file: Path, size: int) -> Path:
    """The file. Raises: ValueError: it has another size, and reading beyond its end would end the process."""
    if file.stat().st_size != size:
        raise ValueError(f"{file.name} has not the size that it was made with")
    return file


def _sum(features: Sequence[NDArray[np.generic]]) -> int:
    """A checksum that is never 0."""
    told = 0
    for values in features:
        told = zlib.crc32(np.ascontiguousarray(values).data, told)
    return told or 1
