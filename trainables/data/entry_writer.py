"""Writes an entry of the store, so that it appears whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO

import numpy as np

from trainables.data.entry import (
    BY_PART,
    META,
    PAIRS,
    STATISTICS,
    DataEntry,
    Shape,
    Shortage,
    open_entry,
    pixel_file,
    remove_atomically,
)
from trainables.data.statistics import SEARCHED, DatasetStatistics
from trainables.dataset import PixelArray


class EntryWriter:
    """Writes an entry in a folder of its own; if the disk is full, it keeps only the statistics, without pixels."""

    def __init__(self, folder: Path, shapes: Mapping[str, Shape], shortage: Shortage | None) -> None:
        self.folder, self.shortage = folder, shortage
        self._files: dict[str, IO[bytes]] = {}
        folder.mkdir()
        try:
            for part, shape in shapes.items() if shortage is None else ():
                self._files[part] = start_file(folder / pixel_file(part), shape)
        except OSError:
            self._run_out()

    def keep(self, part: str, pixels: PixelArray) -> None:
        """Append the next pixels of a part. They are written, not mapped: a full disk is then an error."""
        if self.shortage is not None:
            return
        try:
            self._files[part].write(np.ascontiguousarray(pixels).data)
        except OSError:
            self._run_out()

    def publish(self, statistics: DatasetStatistics, place: Path) -> DataEntry:
        """Make this the entry at ``place``, in one step.

        Raises:
            OSError: not even the statistics could be written.
        """
        try:
            for file in self._files.values():
                sync_file(file)
        except OSError:
            self._run_out()
        meta = {
            "image_shape": statistics.image_shape,
            "class_names": statistics.class_names,
            "fingerprint": statistics.fingerprint,
            **{kind: [(leak.first, leak.second) for leak in getattr(statistics, kind)] for kind in PAIRS},
            "skipped": [asdict(each) for each in statistics.skipped],
            "shortage": self.shortage,
            "made": time.time(),
        }
        with (self.folder / STATISTICS).open("wb") as file:
            by_part = {
                f"{kind}.{part}": values for kind in BY_PART for part, values in getattr(statistics, kind).items()
            }
            np.savez(file, **by_part)
            sync_file(file)
        sizes = {path.name: path.stat().st_size for path in self.folder.iterdir()}
        with (self.folder / META).open("wb") as file:
            file.write(json.dumps(meta | {"files": sizes}).encode())
            sync_file(file)
        sync_folder(self.folder)
        remove_atomically(place)  # a damaged one, or one without pixels
        self.folder.rename(place)
        sync_folder(place.parent)
        entry = open_entry(place)
        if entry is None:
            raise OSError(f"{place} cannot be read back")
        return entry

    def discard(self) -> None:
        """Remove what was written and not published."""
        self._close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _close(self) -> None:
        for file in self._files.values():
            with contextlib.suppress(OSError):  # what it could not write is no longer needed
                file.close()
        self._files.clear()

    def _run_out(self) -> None:
        self.shortage = "disk"
        self._close()
        for part in SEARCHED:
            (self.folder / pixel_file(part)).unlink(missing_ok=True)


def start_file(path: Path, shape: tuple[int, ...]) -> IO[bytes]:
    """Create a file for an array of pixels: write its header and allocate its space."""
    file = path.open("wb")
    try:
        # NumPy pads the header, so that the pixels begin at a multiple of 64 bytes, as TensorFlow wants them.
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        file.flush()
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, file.tell() + math.prod(shape))
    except OSError:
        file.close()
        raise
    return file


def sync_file(file: IO[bytes]) -> None:
    """Flush a file to the disk, and close it."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
