"""Save a trial between two epochs and continue it without any difference. Arrays and JSON, never pickle."""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

if TYPE_CHECKING:
    from trainables.training.build import CompiledModel
    from trainables.training.history import Row

FILE, PREVIOUS_FILE = "state.npz", "before.npz"
"""A checkpoint is one file, so that it is replaced atomically: numbered arrays and the history as JSON. The previous
one is kept in case the disk damages the newest."""


@dataclass(frozen=True)
class Snapshot:
    """A trial at the end of an epoch."""

    arrays: tuple[np.ndarray, ...]
    """Copies of `CompiledModel.state()`, in the same order."""
    history: tuple[Mapping[str, float], ...]
    """The epochs so far, from which early stopping and schedules are computed."""


def take(built: CompiledModel, history: Sequence[Mapping[str, float]]) -> Snapshot:
    """Copy the state of a model and its optimizer to host memory."""
    return Snapshot(tuple(np.array(variable.numpy()) for variable in built.state()), tuple(history))


def put(built: CompiledModel, snapshot: Snapshot) -> None:
    """Restore the state that `take` copied, into a model of the same architecture.

    Raises:
        ValueError: the snapshot was taken from another architecture.
    """
    state = built.state()
    if [tuple(v.shape) for v in state] != [a.shape for a in snapshot.arrays]:
        raise ValueError("the checkpoint was made by a model with another architecture")
    for variable, array in zip(state, snapshot.arrays, strict=True):
        variable.assign(array)


def write(snapshot: Snapshot, folder: Path) -> None:
    """Replace the checkpoint in ``folder`` atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {f"{i:05d}": array for i, array in enumerate(snapshot.arrays)}
    fresh = folder / f".{FILE}.new"
    try:
        with fresh.open("wb") as file:
            np.savez(file, history=np.array(json.dumps(snapshot.history)), **arrays)
            file.flush()
            os.fsync(file.fileno())
        _link(folder / FILE, as_file=folder / PREVIOUS_FILE)
        fresh.replace(folder / FILE)
    finally:
        fresh.unlink(missing_ok=True)


def read(folder: Path) -> Snapshot | None:
    """Return the newest intact checkpoint in ``folder``; None if there is none."""
    found = (_read(folder / name) for name in (FILE, PREVIOUS_FILE))
    return next((snapshot for snapshot in found if snapshot), None)


def remove_damaged(folder: Path) -> list[Path]:
    """Remove the checkpoints in ``folder`` that cannot be read, and return their paths."""
    damaged = [path for name in (FILE, PREVIOUS_FILE) if (path := folder / name).exists() and _read(path) is None]
    for path in damaged:
        path.unlink()
    return damaged


def rows(folder: Path) -> list[Row]:
    """Return the epochs up to the checkpoint that `read` returns; empty if there is none."""
    snapshot = read(folder)
    return [dict(row) for row in snapshot.history] if snapshot else []


def _read(path: Path) -> Snapshot | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            names = sorted(name for name in saved.files if name != "history")
            return Snapshot(tuple(saved[name] for name in names), tuple(json.loads(str(saved["history"]))))
    except (OSError, EOFError, KeyError, ValueError, BadZipFile, zlib.error):
        return None


def _link(path: Path, *, as_file: Path) -> None:
    """Give a file a second name by a hard link, if the file system supports it."""
    with contextlib.suppress(OSError):
        as_file.unlink(missing_ok=True)
        os.link(path, as_file)
