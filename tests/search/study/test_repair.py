"""Files that a machine or a disk spoiled are mended from the journal and the checkpoints, and it is said."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from search.run.events import TrialFinished
from search.run.history import read_history, write_history
from search.study.repair import repair_journal, repair_trials
from search.study.study import Study
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep
from spaces.problem import InputError
from tests.search.commands import TINY
from trainables.training import checkpoint
from trainables.training.checkpoint import Snapshot
from trainables.training.history import Row

ENDED, OPEN = 0, 1


def row(epoch: int) -> Row:
    return {"epoch": float(epoch), "loss": 1 / epoch, "val_accuracy": 0.5 + epoch / 100, "seconds": 0.5}


def rows(count: int) -> list[Row]:
    return [row(epoch) for epoch in range(1, count + 1)]


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    (tmp_path / "tiny.yaml").write_text(TINY)
    return load_sweep(tmp_path / "tiny.yaml")


@pytest.fixture
def run(tmp_path: Path, sweep: Sweep) -> Path:
    """A run of two trials: one ended after four epochs, one open after three, its checkpoints at one and two."""
    home = tmp_path / "run"
    home.mkdir()
    study = Study(home / "study.journal", sweep)
    for number, epochs in ((ENDED, 4), (OPEN, 3)):
        study.next()
        folder = home / "trials" / str(number)
        folder.mkdir(parents=True)
        for each in rows(epochs):
            study.report(number, epoch=int(each["epoch"]), value=each["val_accuracy"])
        write_history(folder / "history.csv", rows(epochs))
    end = TrialFinished(
        number=ENDED, state="complete", reason="finished", best_epoch=4, value=0.54, epochs=4, seconds=2.0
    )
    study.tell(end)
    for epochs in (1, 2):
        saved = Snapshot((np.full(1000, float(epochs)),), tuple(rows(epochs)))
        checkpoint.write(saved, home / "trials" / str(OPEN) / "checkpoint")
    return home


def mended(run: Path, sweep: Sweep) -> list[str]:
    said = repair_journal(run / "study.journal")
    study = Study(run / "study.journal", sweep)
    return said + list(repair_trials(run, study, metric="val_accuracy"))


def history(run: Path, number: int) -> list[Row]:
    return read_history(run / "trials" / str(number) / "history.csv")


def cut(file: Path, *, to: float) -> None:
    text = file.read_bytes()
    file.write_bytes(text[: int(len(text) * to)])


def test_what_a_killed_driver_leaves_is_put_in_order_without_a_word(run: Path, sweep: Sweep) -> None:
    write_history(run / "trials" / str(OPEN) / "history.csv", rows(2))  # the journal had the third epoch first
    shutil.copytree(run / "trials" / str(OPEN) / "checkpoint", run / "trials" / str(ENDED) / "checkpoint")
    (run / ".best.yaml.1a2b.tmp").write_text("half")
    assert mended(run, sweep) == []
    assert not (run / "trials" / str(ENDED) / "checkpoint").exists()
    assert not list(run.glob(".*.tmp"))
    assert history(run, OPEN) == rows(2)


def test_a_journal_cut_in_its_last_record_loses_that_record_alone(run: Path, sweep: Sweep) -> None:
    journal = run / "study.journal"
    journal.write_bytes(journal.read_bytes()[:-10])
    [said] = mended(run, sweep)
    assert said.startswith("study.journal: the last")
    assert Study(journal, sweep).trials()[OPEN].intermediate_values == {1: 0.51, 2: 0.52, 3: 0.53}


def test_zeros_at_the_end_of_a_journal_are_cut_off(run: Path, sweep: Sweep) -> None:
    journal = run / "study.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b"\0" * 512 + b"\n")
    assert mended(run, sweep) == ["study.journal: the last 513 bytes were not a whole record and were cut off"]
    assert journal.read_bytes() == whole


def test_a_journal_damaged_in_its_middle_is_refused_at_its_line(run: Path, sweep: Sweep) -> None:
    journal = run / "study.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:4], b"\0\0\0\n", *lines[5:]]))
    with pytest.raises(InputError, match=r"study\.journal:5"):
        mended(run, sweep)
    assert len(journal.read_bytes().splitlines()) == len(lines)


def test_epochs_that_the_journal_lost_are_reported_again(run: Path, sweep: Sweep) -> None:
    journal = run / "study.journal"
    lines = journal.read_text().splitlines(keepends=True)
    third = next(line for line in lines if '"trial_id":1,"step":3' in line)
    journal.write_text("".join(line for line in lines if line != third))
    assert mended(run, sweep) == []
    assert Study(journal, sweep).trials()[OPEN].intermediate_values == {1: 0.51, 2: 0.52, 3: 0.53}


@pytest.mark.parametrize("to", [0.0, 0.05, 0.4, 0.8, 0.99])
def test_a_history_cut_anywhere_is_whole_again(run: Path, sweep: Sweep, to: float) -> None:
    for number in (ENDED, OPEN):
        cut(run / "trials" / str(number) / "history.csv", to=to)
    said = mended(run, sweep)
    assert [f"trials/{number}/history.csv" in line for number, line in enumerate(said)] == [True, True]
    ended = history(run, ENDED)
    assert [(each["epoch"], each["val_accuracy"]) for each in ended] == [
        (e["epoch"], e["val_accuracy"]) for e in rows(4)
    ]
    assert history(run, OPEN) == rows(len(history(run, OPEN)))
    assert len(history(run, OPEN)) >= 2  # what the checkpoint holds
    assert mended(run, sweep) == []


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "pickled"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(run: Path, sweep: Sweep, harm: str) -> None:
    folder = run / "trials" / str(OPEN) / "checkpoint"
    file = folder / "state.npz"
    content = bytearray(file.read_bytes())
    if harm == "flipped":
        content[len(content) // 2] ^= 0xFF
    spoiled = {"cut": content[:-40], "empty": b"", "flipped": content}.get(harm)
    file.unlink()  # its other name may be that of the one before
    if spoiled is None:
        with file.open("wb") as opened:
            np.savez(opened, history=np.array("[]"), **{"00000": np.array([{}], dtype=object)})
    else:
        file.write_bytes(spoiled)
    assert mended(run, sweep) == ["trials/1/checkpoint/state.npz: damaged; the trial continues after epoch 1"]
    snapshot = checkpoint.read(folder)
    assert snapshot is not None
    assert [each["epoch"] for each in snapshot.history] == [1]


def test_a_trial_whose_checkpoints_are_all_damaged_begins_anew(run: Path, sweep: Sweep) -> None:
    folder = run / "trials" / str(OPEN) / "checkpoint"
    for file in folder.iterdir():
        file.write_bytes(b"nothing")
    said = mended(run, sweep)
    assert all("damaged; the trial continues after epoch 0" in line for line in said[:2])
    assert checkpoint.read(folder) is None


def test_the_folder_of_a_trial_that_the_journal_lost_is_put_aside(run: Path, sweep: Sweep) -> None:
    (run / "trials" / "2").mkdir()
    (run / "trials" / "2" / "config.yaml").write_text("of another configuration")
    assert mended(run, sweep) == ["trials/2: the journal has no such trial; renamed to 2.unknown"]
    assert (run / "trials" / "2.unknown" / "config.yaml").exists()
    assert not (run / "trials" / "2").exists()


def test_a_diverged_epoch_is_mended_as_one(run: Path, sweep: Sweep) -> None:
    study = Study(run / "study.journal", sweep)
    study.report(OPEN, epoch=4, value=math.nan)
    end = TrialFinished(number=OPEN, state="pruned", reason="diverged", best_epoch=3, value=0.53, epochs=4, seconds=2.0)
    study.tell(end)
    assert len(mended(run, sweep)) == 1
    assert len(history(run, OPEN)) == 4


def test_the_history_of_a_trial_whose_folder_is_gone_comes_back_from_the_journal(run: Path, sweep: Sweep) -> None:
    shutil.rmtree(run / "trials" / str(ENDED))
    assert mended(run, sweep) == ["trials/0/history.csv: damaged after epoch 0; 4 epochs restored"]
    assert [each["val_accuracy"] for each in history(run, ENDED)] == [0.51, 0.52, 0.53, 0.54]
