"""Save a trial between two epochs and continue it as if nothing had happened. Arrays and JSON, never pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainables.models.build import Built

FILE = "state.npz"
"""One file, so that it can be replaced in one step: the arrays by number, and the history as JSON text."""


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
    with fresh.open("wb") as file:
        np.savez(file, history=np.array(json.dumps(snapshot.history)), **arrays)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / FILE)


def read(folder: Path) -> Snapshot | None:
    """The checkpoint in ``folder``; None where there is none."""
    if not (folder / FILE).exists():
        return None
    with np.load(folder / FILE, allow_pickle=False) as saved:
        names = sorted(name for name in saved.files if name != "history")
        return Snapshot(tuple(saved[name] for name in names), tuple(json.loads(str(saved["history"]))))
