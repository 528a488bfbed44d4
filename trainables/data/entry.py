"""One data set in the store: a folder of plain arrays, written atomically and memory-mapped by its users."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import weakref
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trainables.data.statistics import SEARCHED, DatasetStatistics
from trainables.data.unreadable import UnreadableImage
from trainables.dataset import Leak, PixelArray

META, STATISTICS = "meta.json", "facts.npz"
GONE = ".gone-"
"""The start of the name of an entry's folder while it is being removed."""
BY_PART = ("labels", "positions", "levels", "digests")
"""The arrays of facts.npz, each by part."""
PAIRS = ("leaks", "near_copies", "two_labels")
"""The pairs of images in meta.json."""

Shape = tuple[int, int, int, int]
"""Number of images, height and width in pixels, channels."""

Shortage = Literal["limit", "disk"]
"""Why an entry has no pixels: they exceed the limit of the store, or the free space on the disk."""


@dataclass(frozen=True, eq=False, kw_only=True)
class DataEntry:
    """What the store has of a data set."""

    statistics: DatasetStatistics
    pixels: Mapping[str, PixelArray] | None = None
    """Of train and validation, uint8 (n, height, width, channels), memory-mapped; None if there was no space."""
    shortage: Shortage | None = None
    """Why there was no space."""
    made: float = 0.0
    """Time of creation, in seconds since the epoch."""


def pixel_file(part: str) -> str:
    """Return the name of the file of a part's pixels."""
    return f"{part}.npy"


def open_entry(folder: Path) -> DataEntry | None:
    """Open the entry in a folder; return None if there is none, or it is damaged.

    It counts as in use until its pixels are released or the process ends, however it ends.
    """
    try:
        claim = mark_used(folder)
    except OSError:
        return None
    try:
        entry = read_entry(folder)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        os.close(claim)
        return None
    weakref.finalize(entry if entry.pixels is None else entry.pixels["train"], os.close, claim)
    return entry


def mark_used(folder: Path) -> int:
    """Keep the entry in a folder from being evicted until the returned descriptor is closed, however that comes.

    Raises:
        OSError: there is no whole entry, or it is being removed.
    """
    claim = os.open(folder / META, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(claim, fcntl.LOCK_SH)
    except OSError:
        os.close(claim)
        raise
    with contextlib.suppress(OSError):
        os.utime(folder / META)  # the least recently used entries are evicted first
    return claim


def read_entry(folder: Path) -> DataEntry:
    """Read an entry like `open_entry`, but without marking it as in use, and raise if it is damaged."""
    meta = json.loads((folder / META).read_text(encoding="utf-8"))
    for name, size in meta["files"].items():
        if (folder / name).stat().st_size != size:
            raise ValueError(f"{name} does not have its original size")
    with np.load(folder / STATISTICS, allow_pickle=False) as arrays:
        by_part: dict[str, Any] = {kind: {} for kind in BY_PART}
        for name in arrays.files:
            kind, part = name.split(".")
            by_part[kind][part] = arrays[name]
    pairs: dict[str, Any] = {kind: tuple(Leak(*both) for both in meta[kind]) for kind in PAIRS}
    statistics = DatasetStatistics(
        image_shape=tuple(meta["image_shape"]),
        class_names=tuple(meta["class_names"]),
        fingerprint=meta["fingerprint"],
        **pairs,
        skipped=tuple(UnreadableImage(**each) for each in meta.get("skipped", ())),
        **by_part,
    )
    if meta["shortage"]:
        return DataEntry(statistics=statistics, shortage=meta["shortage"], made=meta["made"])
    pixels = {part: mapped(folder / pixel_file(part), statistics.shapes[part]) for part in SEARCHED}
    return DataEntry(statistics=statistics, pixels=pixels, made=meta["made"])


def mapped(file: Path, shape: tuple[int, ...]) -> PixelArray:
    """Map an array of pixels copy-on-write, so that no process can change another's."""
    pixels: PixelArray = np.load(file, mmap_mode="c", allow_pickle=False)
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise ValueError(f"{file.name} holds {pixels.dtype} {pixels.shape} instead of {shape}")
    return pixels


@contextmanager
def exclusive_use(folder: Path) -> Iterator[bool]:
    """Yield whether nobody else uses the entry in a folder, and keep others from opening it inside the block."""
    try:
        claim = os.open(folder / META, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield True  # there is no whole entry
        return
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError:
        alone = False
    try:
        yield alone
    finally:
        os.close(claim)


def is_used(folder: Path) -> bool:
    """Whether a running process uses the entry in a folder."""
    with exclusive_use(folder) as alone:
        return not alone


def evict(folder: Path) -> None:
    """Remove an entry unless it is in use."""
    with exclusive_use(folder) as alone:
        if alone:
            remove_atomically(folder)


def remove_atomically(folder: Path) -> None:
    """Remove an entry so that nobody ever sees half of it. Processes that have mapped its files keep them."""
    gone = folder.with_name(f"{GONE}{folder.name}-{secrets.token_hex(4)}")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
