"""Interrupted, written, read and continued: as if nothing had happened, bit for bit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.disk import files_of_at_most
from tests.trainables.small import config, fit, measured
from trainables.training import checkpoint
from trainables.training.checkpoint import Snapshot
from trainables.training.train import Hooks, Trained

ADAM = {"name": "adam", "learning_rate": 0.01}
PLATEAU = {
    "name": "sgd",
    "learning_rate": 0.5,
    "momentum": 0.9,
    "schedule": {"kind": "plateau", "factor": 0.5, "patience": 1},
}
LIVELY: dict[str, Any] = {"model": {"dropout": 0.3, "l2": 1e-3}, "augmentation": {"strength": 0.7}}
SNAPSHOT = Snapshot((np.arange(3.0), np.array([7], np.int64)), ({"epoch": 1, "val_accuracy": 0.5, "loss": math.nan},))


def final_state(trained: Trained) -> list[np.ndarray]:
    return [variable.numpy().copy() for variable in trained.built.state()]


class Stop(Exception):
    """Somebody pulls the plug at the end of an epoch."""


@pytest.mark.parametrize("optimizer", [ADAM, PLATEAU], ids=["adam", "momentum-plateau"])
def test_interrupted_and_continued_equals_uninterrupted_bit_for_bit(tmp_path: Path, optimizer: dict[str, Any]) -> None:
    settings = config(**LIVELY, optimizer=optimizer, epochs=4)
    whole = fit(settings)
    expected = final_state(whole)

    def on_epoch(row: Any, reason: Any, snapshot: Any) -> None:
        if row["epoch"] == 2:
            checkpoint.write(snapshot(), tmp_path / "checkpoint")
            raise Stop

    with pytest.raises(Stop):
        fit(settings, hooks=Hooks(on_epoch=on_epoch))
    fit(config(**LIVELY, optimizer=optimizer, epochs=1, seed=9))  # somebody else uses the model meanwhile
    continued = fit(settings, resume=checkpoint.read(tmp_path / "checkpoint"))
    assert measured(continued) == measured(whole)
    for one, other in zip(final_state(continued), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    if "schedule" in optimizer:
        assert len({row["learning_rate"] for row in whole.history}) > 1


def test_patience_spent_before_an_interruption_stays_spent() -> None:
    settings = config(optimizer={"learning_rate": 1e-30}, epochs=9, patience=2)
    snapshots: list[Snapshot] = []
    fit(settings, hooks=Hooks(on_epoch=lambda row, reason, snapshot: snapshots.append(snapshot())))
    continued = fit(settings, resume=snapshots[1])
    assert continued.reason == "patience"
    assert len(continued.history) == 3


def test_a_checkpoint_of_the_last_epoch_leaves_nothing_to_train() -> None:
    settings = config()
    snapshots: list[Snapshot] = []
    fit(settings, hooks=Hooks(on_epoch=lambda row, reason, snapshot: snapshots.append(snapshot())))
    told: list[Any] = []
    ended = fit(settings, resume=snapshots[-1], hooks=Hooks(on_epoch=lambda *epoch: told.append(epoch)))
    assert (ended.reason, len(ended.history), told) == ("finished", 2, [])


def test_what_was_written_is_read_back_equal(tmp_path: Path) -> None:
    checkpoint.write(SNAPSHOT, tmp_path / "new" / "checkpoint")
    back = checkpoint.read(tmp_path / "new" / "checkpoint")
    assert back is not None
    for one, other in zip(back.arrays, SNAPSHOT.arrays, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    (row,) = back.history
    assert row["val_accuracy"] == 0.5
    assert math.isnan(row["loss"])


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert checkpoint.read(tmp_path) is None
    assert checkpoint.read(tmp_path / "nowhere") is None


def test_a_later_checkpoint_replaces_an_earlier_one_and_keeps_no_more_than_that_one(tmp_path: Path) -> None:
    checkpoint.write(SNAPSHOT, tmp_path)
    checkpoint.write(Snapshot((np.zeros(1),), ()), tmp_path)
    back = checkpoint.read(tmp_path)
    assert back is not None
    assert len(back.arrays) == 1
    checkpoint.write(Snapshot((np.zeros(2),), ()), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {checkpoint.FILE, checkpoint.BEFORE}


def test_a_write_that_breaks_off_leaves_the_earlier_checkpoint(tmp_path: Path) -> None:
    checkpoint.write(SNAPSHOT, tmp_path)
    with pytest.raises(TypeError):
        checkpoint.write(Snapshot((np.zeros(1),), ({"epoch": object()},)), tmp_path)  # type: ignore[dict-item]
    back = checkpoint.read(tmp_path)
    assert back is not None
    assert len(back.arrays) == 2


def test_a_checkpoint_holds_nothing_that_must_be_unpickled(tmp_path: Path) -> None:
    checkpoint.write(SNAPSHOT, tmp_path)
    with np.load(tmp_path / checkpoint.FILE, allow_pickle=False) as saved:
        assert all(saved[name].dtype != object for name in saved.files)


def test_a_checkpoint_of_another_architecture_is_refused() -> None:
    trained = fit(config(epochs=1))
    with pytest.raises(ValueError, match="another architecture"):
        checkpoint.put(trained.built, SNAPSHOT)


def saved(folder: Path, *epochs: int) -> None:
    for epoch in epochs:
        checkpoint.write(
            Snapshot((np.full(3, float(epoch)),), tuple({"epoch": n} for n in range(1, epoch + 1))), folder
        )


def test_the_one_before_takes_the_place_of_a_damaged_checkpoint(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2, 3)
    assert len(checkpoint.rows(tmp_path)) == 3
    content = (tmp_path / "state.npz").read_bytes()
    (tmp_path / "state.npz").unlink()
    (tmp_path / "state.npz").write_bytes(content[:-7])
    assert len(checkpoint.rows(tmp_path)) == 2
    assert checkpoint.remove_damaged(tmp_path) == [tmp_path / "state.npz"]
    assert checkpoint.remove_damaged(tmp_path) == []
    saved(tmp_path, 4)
    assert len(checkpoint.rows(tmp_path)) == 4


def test_a_full_disk_leaves_the_checkpoint_that_was_there_and_no_half_one(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    with files_of_at_most(100), pytest.raises(OSError, match="large"):
        saved(tmp_path, 2)
    assert len(checkpoint.rows(tmp_path)) == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"state.npz", "before.npz"}
