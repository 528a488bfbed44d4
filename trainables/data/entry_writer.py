"""An entry of the store while it is being written: whole in the end, or never seen."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from trainables.data.entry import BY_PART, FACTS, META, Entry, Shape, Shortage, open_entry, pixel_file, put_away
from trainables.data.statistics import SEARCHED, Facts
from trainables.dataset import PixelArray


class Draft:
    """An entry that is being written, in a folder of its own; a full disk costs it its pixels, not its facts."""

    def __init__(self, folder: Path, shapes: Mapping[str, Shape], shortage: Shortage | None) -> None:
        self.folder, self.shortage = folder, shortage
        self._files: dict[str, IO[bytes]] = {}
        folder.mkdir()
        try:
            for part, shape in shapes.items() if shortage is None else ():
                self._files[part] = begun(folder / pixel_file(part), shape)
        except OSError:
            self._run_out()

    def keep(self, part: str, pixels: PixelArray) -> None:
        """Appends the next pixels of a part. Written, not mapped: a full disk is an error then, not a signal."""
        if self.shortage is not None:
            return
        try:
            self._files[part].write(np.ascontiguousarray(pixels).data)
        except OSError:
            self._run_out()

    def publish(self, facts: Facts, place: Path) -> Entry:
        """Makes the draft the entry at ``place``, in one step.

        Raises:
            OSError: not even the facts could be written.
        """
        try:
            for file in self._files.values():
                settle(file)
        except OSError:
            self._run_out()
        meta = {
            "image_shape": facts.image_shape,
            "class_names": facts.class_names,
            "fingerprint": facts.fingerprint,
            "leaks": [(leak.first, leak.second) for leak in facts.leaks],
            "shortage": self.shortage,
            "made": time.time(),
        }
        with (self.folder / FACTS).open("wb") as file:
            by_part = {f"{kind}.{part}": values for kind in BY_PART for part, values in getattr(facts, kind).items()}
            np.savez(file, **by_part)
            settle(file)
        sizes = {path.name: path.stat().st_size for path in self.folder.iterdir()}
        with (self.folder / META).open("wb") as file:
            file.write(json.dumps(meta | {"files": sizes}).encode())
            settle(file)
        settle_folder(self.folder)
        put_away(place)  # a damaged one, or one without pixels
        self.folder.rename(place)
        settle_folder(place.parent)
        entry = open_entry(place)
        if entry is None:
            raise OSError(f"{place} cannot be read back")
        return entry

    def discard(self) -> None:
        """Removes what was written and not published."""
        self._close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _close(self) -> None:
        for file in self._files.values():
            with contextlib.suppress(OSError):  # what it could not write is not wanted any more
                file.close()
        self._files.clear()

    def _run_out(self) -> None:
        self.shortage = "disk"
        self._close()
        for part in SEARCHED:
            (self.folder / pixel_file(part)).unlink(missing_ok=True)


def begun(path: Path, shape: tuple[int, ...]) -> IO[bytes]:
    """A new file for an array of pixels, its header written and all of its room taken."""
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


def settle(file: IO[bytes]) -> None:
    """Brings what was written to the disk, and closes the file."""
    file.flush()
    os.fsync(file.fileno())
    file.close()


def settle_folder(folder: Path) -> None:
    """Brings the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
