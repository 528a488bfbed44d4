"""Stored features of one split of a data set: rows on disk that several processes fill together and memory-map.

An entry is a folder in the store (`trainables.data.store`), allocated at its full size when it is created. Its rows are
computed in chunks by whichever process needs them first. A process locks the chunk that it computes, which a crash
releases, and writes the chunk's checksum last. A chunk with a missing or wrong checksum is computed again.
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
from trainables.data.entry import META, Shortage, mark_used, remove_atomically

FeatureArray = NDArray[np.floating]
"""Features at a cut, a row per image: float16 or float32 (n, height, width, channels), or (n, channels) if pooled."""

CHUNK = 256
"""Number of images whose features are computed, verified and locked together."""
SUMS, LOCKS = "sums", "locks"
POLL_S = 0.05
"""How often a process checks whether a chunk that it waits for is done."""

Compute = Callable[[int, int], Sequence[FeatureArray]]
"""Maps a view and a chunk, both counted from 0, to the features at each cut."""


class NoRoomError(Exception):
    """There is no room for the features: they exceed the store's limit or the free disk space."""

    def __init__(self, shortage: Shortage, needed: int) -> None:
        super().__init__(shortage, needed)
        self.shortage, self.needed = shortage, needed


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The size and shape of an entry."""

    images: int
    views: int
    shapes: tuple[tuple[int, ...], ...]
    """Shape of one image's features at each cut."""
    dtype: str

    @property
    def chunks(self) -> int:
        """Number of chunks per view."""
        return -(-self.images // CHUNK)

    @property
    def bytes(self) -> int:
        """Size of all features in bytes."""
        return self.images * self.views * sum(map(self.row_bytes, self.shapes))

    def row_bytes(self, shape: tuple[int, ...]) -> int:
        """Return the size of one image's features at a cut, in bytes."""
        return math.prod(shape) * np.dtype(self.dtype).itemsize

    def rows(self, view: int, chunk: int) -> slice:
        """Return the rows of a chunk; rows are ordered by view, then by image."""
        first = view * self.images + chunk * CHUNK
        return slice(first, min(first + CHUNK, (view + 1) * self.images))


class FeatureEntry:
    """An entry in use: it is not evicted while this object exists."""

    def __init__(self, folder: Path, layout: Layout) -> None:
        """Open the entry in a folder. Raises: OSError, ValueError: it is missing or damaged."""
        weakref.finalize(self, os.close, mark_used(folder))
        self.folder, self.layout = folder, layout
        self._locks = os.open(folder / LOCKS, os.O_RDWR | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._locks)
        self._sums = np.memmap(_of_size(folder / SUMS, 4 * self._marks), np.uint32, mode="r+")
        self.values = [self._mapped(number, shape) for number, shape in enumerate(layout.shapes)]
        self._checked = np.zeros(self._marks, bool)

    def fill(self, view: int, compute: Compute, *, check_interrupt: Callable[[], None]) -> int:
        """Complete a view; return how many of its chunks were computed here.

        Chunks being computed by other processes are skipped and waited for at the end. ``check_interrupt`` is called
        regularly and may raise.

        Raises:
            NoRoomError: the disk is full.
        """
        remaining, done = list(range(self.layout.chunks)), 0
        for wait in (False, True):
            busy = []
            for chunk in remaining:
                check_interrupt()
                computed = self._fill_chunk(view, chunk, compute, check_interrupt=check_interrupt if wait else None)
                if computed is None:
                    busy.append(chunk)
                done += bool(computed)
            remaining = busy
        return done

    def _fill_chunk(
        self, view: int, chunk: int, compute: Compute, *, check_interrupt: Callable[[], None] | None
    ) -> bool | None:
        """Return whether a chunk was computed here; None if another process has it. With ``check_interrupt``, wait."""
        if self._is_complete(view, chunk):
            return False
        with self._exclusive(view, chunk, check_interrupt=check_interrupt) as locked:
            if not locked:
                return None
            if self._is_complete(view, chunk):
                return False
            self._write(view, chunk, compute(view, chunk))
            return True

    @property
    def _marks(self) -> int:
        return self.layout.views * self.layout.chunks

    def _mapped(self, number: int, shape: tuple[int, ...]) -> FeatureArray:
        """Map all rows at a cut, copy-on-write, so that no process can corrupt another's."""
        rows = self.layout.images * self.layout.views
        file = _of_size(self.folder / str(number), rows * self.layout.row_bytes(shape))
        return np.memmap(file, np.dtype(self.layout.dtype), mode="c", shape=(rows, *shape))

    def _is_complete(self, view: int, chunk: int) -> bool:
        mark = view * self.layout.chunks + chunk
        if not self._checked[mark]:
            checksum = int(self._sums[mark])
            rows = self.layout.rows(view, chunk)
            self._checked[mark] = checksum != 0 and checksum == _sum([values[rows] for values in self.values])
        return bool(self._checked[mark])

    def _write(self, view: int, chunk: int, features: Sequence[FeatureArray]) -> None:
        rows, mark = self.layout.rows(view, chunk), view * self.layout.chunks + chunk
        try:
            for number, (values, shape) in enumerate(zip(features, self.layout.shapes, strict=True)):
                # Written rather than mapped: a full disk then raises an error instead of a signal.
                with (self.folder / str(number)).open("r+b") as file:
                    file.seek(rows.start * self.layout.row_bytes(shape))
                    file.write(np.ascontiguousarray(values).data)
        except OSError as error:
            raise NoRoomError("disk", self.layout.bytes) from error
        self._sums[mark] = _sum(features)

    @contextlib.contextmanager
    def _exclusive(self, view: int, chunk: int, *, check_interrupt: Callable[[], None] | None) -> Iterator[bool]:
        mark = view * self.layout.chunks + chunk
        locked = self._locked(mark)
        while not locked and check_interrupt is not None:
            check_interrupt()
            time.sleep(POLL_S)
            locked = self._locked(mark)
        try:
            yield locked
        finally:
            if locked:
                fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, mark)

    def _locked(self, mark: int) -> bool:
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, mark)
        except OSError:
            return False
        return True


def open_entry(key: str, layout: Layout) -> FeatureEntry:
    """Return the entry with this key, creating it if necessary.

    Raises:
        NoRoomError: there is no room for it.
        trainables.data.store.UnusableError: the store is not writable.
    """
    folder = store.root() / key
    with contextlib.suppress(OSError, ValueError):
        return FeatureEntry(folder, layout)
    with store.build_lock(key, "frozen features"):
        with contextlib.suppress(OSError, ValueError):
            return FeatureEntry(folder, layout)  # created in the meantime
        with store.reserve_space(key, layout.bytes) as (draft, shortage):
            if shortage is not None:
                raise NoRoomError(shortage, layout.bytes)
            try:
                _make(draft, layout)
            except OSError as error:
                shutil.rmtree(draft, ignore_errors=True)
                raise NoRoomError("disk", layout.bytes) from error
            remove_atomically(folder)  # if damaged
            draft.rename(folder)
        return FeatureEntry(folder, layout)


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
    """Return the file. Raises: ValueError: its size is wrong; reading past its end would kill the process."""
    if file.stat().st_size != size:
        raise ValueError(f"{file.name} no longer has its original size")
    return file


def _sum(features: Sequence[NDArray[np.generic]]) -> int:
    """Return a checksum that is never 0."""
    checksum = 0
    for values in features:
        checksum = zlib.crc32(np.ascontiguousarray(values).data, checksum)
    return checksum or 1
