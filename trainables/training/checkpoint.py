"""Save a trial between two epochs and continue it as if nothing had happened. Arrays and JSON, never pickle."""

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
    from trainables.training.build import Built
    from trainables.training.history import Row

FILE, BEFORE = "state.npz", "before.npz"
"""One file, so that it can be replaced in one step: the arrays by number, and the history as JSON text. The one before
it is kept for the case that a disk spoils the newest."""


@dataclass(frozen=True)
class Snapshot:
    """A trial at the end of an epoch."""

    arrays: tuple[np.ndarray, ...]
    """Copies of `Built.state()`, in its order."""
    history: tuple[Mapping[str, float], ...]
    """The epochs so far; early stopping and learning-rate schedules are functions of them."""


def take(built: Built, history: Sequence[Mapping[str, float]]) -> Snapshot:
    """Copies the state of a model and its optimizer to the host's memory."""
    return Snapshot(tuple(np.array(variable.numpy()) for variable in built.state()), tuple(history))


def put(built: Built, snapshot: Snapshot) -> None:
    """Restores the state that `take` copied, into a model of the same architecture.

    Raises:
        ValueError: the snapshot is of another architecture.
    """
    state = built.state()
    if [tuple(v.shape) for v in state] != [a.shape for a in snapshot.arrays]:
        raise ValueError("the checkpoint was made by a model of another architecture")
    for variable, array in zip(state, snapshot.arrays, strict=True):
        variable.assign(array)


def write(snapshot: Snapshot, folder: Path) -> None:
    """Replaces the checkpoint in ``folder``, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {f"{i:05d}": array for i, array in enumerate(snapshot.arrays)}
    fresh = folder / f".{FILE}.new"
    try:
        with fresh.open("wb") as file:
            np.savez(file, history=np.array(json.dumps(snapshot.history)), **arrays)
            file.flush()
            os.fsync(file.fileno())
        _keep(folder / FILE, as_file=folder / BEFORE)
        fresh.replace(folder / FILE)
    finally:
        fresh.unlink(missing_ok=True)


def read(folder: Path) -> Snapshot | None:
    """The newest checkpoint in ``folder`` that is whole; None where there is none."""
    found = (_read(folder / name) for name in (FILE, BEFORE))
    return next((snapshot for snapshot in found if snapshot), None)


def remove_damaged(folder: Path) -> list[Path]:
    """Removes the checkpoints in ``folder`` that cannot be read, and returns their paths."""
    damaged = [path for name in (FILE, BEFORE) if (path := folder / name).exists() and _read(path) is None]
    for path in damaged:
        path.unlink()
    return damaged


def rows(folder: Path) -> list[Row]:
    """The epochs up to the checkpoint that `read` returns; none where there is none."""
    snapshot = read(folder)
    return [dict(row) for row in snapshot.history] if snapshot else []


def _read(path: Path) -> Snapshot | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            names = sorted(name for name in saved.files if name != "history")
            return Snapshot(tuple(saved[name] for name in names), tuple(json.loads(str(saved["history"]))))
    except (OSError, EOFError, KeyError, ValueError, BadZipFile, zlib.error):
        return None


def _keep(path: Path, *, as_file: Path) -> None:
    """Gives a file a second name. Where the file system knows no such thing, there is no second one."""
    with contextlib.suppress(OSError):
        as_file.unlink(missing_ok=True)
        os.link(path, as_file)
