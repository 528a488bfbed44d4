"""One data set in the store: a folder of plain arrays, written whole or not at all, mapped by whoever uses it."""

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

from trainables.data.statistics import SEARCHED, Facts
from trainables.dataset import Leak, PixelArray

META, FACTS = "meta.json", "facts.npz"
GONE = ".gone-"
"""How the folder of an entry that is being removed begins."""
BY_PART = ("labels", "positions", "levels", "digests")
"""What facts.npz holds, each by part."""

Shape = tuple[int, int, int, int]
"""Images, height and width in pixels, channels."""

Shortage = Literal["limit", "disk"]
"""Why an entry has no pixels: they are more than the store may hold, or than fitted on the disk."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Entry:
    """What the store has of a data set."""

    facts: Facts
    pixels: Mapping[str, PixelArray] | None = None
    """Of train and validation, uint8 (n, height, width, channels), mapped; None where there was no room."""
    shortage: Shortage | None = None
    """Why there was no room."""
    made: float = 0.0
    """When, in seconds of the epoch."""


def pixel_file(part: str) -> str:
    """The file that holds a part's pixels."""
    return f"{part}.npy"


def open_entry(folder: Path) -> Entry | None:
    """The entry in a folder; None where there is none, or it is damaged.

    It counts as in use until its pixels are let go of, or the process ends, however it ends.
    """
    try:
        claim = os.open(folder / META, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(claim, fcntl.LOCK_SH)
        with contextlib.suppress(OSError):
            os.utime(folder / META)  # the least recently used are the first to go
        entry = read_entry(folder)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        os.close(claim)
        return None
    weakref.finalize(entry if entry.pixels is None else entry.pixels["train"], os.close, claim)
    return entry


def read_entry(folder: Path) -> Entry:
    """As `open_entry`, but what is wrong with it raises, and it is not claimed."""
    meta = json.loads((folder / META).read_text(encoding="utf-8"))
    for name, size in meta["files"].items():
        if (folder / name).stat().st_size != size:
            raise ValueError(f"{name} has not the size that it was written with")
    with np.load(folder / FACTS, allow_pickle=False) as arrays:
        by_part: dict[str, dict[str, Any]] = {kind: {} for kind in BY_PART}
        for name in arrays.files:
            kind, part = name.split(".")
            by_part[kind][part] = arrays[name]
    facts = Facts(
        image_shape=tuple(meta["image_shape"]),
        class_names=tuple(meta["class_names"]),
        fingerprint=meta["fingerprint"],
        leaks=tuple(Leak(first, second) for first, second in meta["leaks"]),
        **by_part,
    )
    if meta["shortage"]:
        return Entry(facts=facts, shortage=meta["shortage"], made=meta["made"])
    pixels = {part: mapped(folder / pixel_file(part), facts.shapes[part]) for part in SEARCHED}
    return Entry(facts=facts, pixels=pixels, made=meta["made"])


def mapped(file: Path, shape: tuple[int, ...]) -> PixelArray:
    """An array of pixels, mapped: copied on writing, so that no process can spoil another's."""
    pixels: PixelArray = np.load(file, mmap_mode="c", allow_pickle=False)
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise ValueError(f"{file.name} holds {pixels.dtype} {pixels.shape} instead of {shape}")
    return pixels


@contextmanager
def alone_with(folder: Path) -> Iterator[bool]:
    """Whether nobody else uses the entry in a folder; meanwhile nobody begins to."""
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
    """Whether a living process uses the entry in a folder."""
    with alone_with(folder) as alone:
        return not alone


def evict(folder: Path) -> None:
    """Removes an entry that nobody uses."""
    with alone_with(folder) as alone:
        if alone:
            put_away(folder)


def put_away(folder: Path) -> None:
    """Removes an entry in a way that nobody ever sees half of it. Who has its files mapped keeps them."""
    gone = folder.with_name(f"{GONE}{folder.name}-{secrets.token_hex(4)}")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
