"""Save a trial between two epochs and continue it as if nothing had happened. Arrays and JSON, never pickle."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainables.models.build import Built

ARRAYS, STATE = "variables.npz", "state.json"


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
    fresh, stale = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir(parents=True)
    np.savez(fresh / ARRAYS, **{f"{i:05d}": array for i, array in enumerate(snapshot.arrays)})
    (fresh / STATE).write_text(json.dumps({"history": snapshot.history}))
    if folder.exists():
        folder.rename(stale)
    os.replace(fresh, folder)
    shutil.rmtree(stale, ignore_errors=True)


def read(folder: Path) -> Snapshot | None:
    """The checkpoint in ``folder``; None where there is none."""
    if not (folder / STATE).exists():
        return None
    state = json.loads((folder / STATE).read_text())
    with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
        return Snapshot(tuple(arrays[name] for name in sorted(arrays.files)), tuple(state["history"]))
