"""What the record of a run keeps when epochs come twice, and what a way of ending means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from search.run.events import ConfirmationTraining, TrainingProgress, TrialFinished, TrialInfo
from search.run.history import read_history
from search.run.reader import Run
from search.study.recorder import Recorder
from search.study.study import Study
from spaces.file.load import load_sweep
from spaces.file.write import write_yaml
from tests.search.commands import TINY
from trainables.trial.task import Outcome


class Listening:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.ends: list[TrialFinished] = []

    def started(self, trial: TrialInfo) -> None:
        pass

    def ready(self) -> None:
        pass

    def epoch(self, number: int, row: Mapping[str, float]) -> None:
        self.epochs.append(int(row["epoch"]))

    def ended(self, end: TrialFinished) -> None:
        self.ends.append(end)

    def confirming(self, training: TrainingProgress) -> None:
        """Not told here."""

    def confirmed(self, training: ConfirmationTraining | None, *, done: int, total: int) -> None:
        """Not told here."""

    def close(self, best: int | None) -> None:
        pass


@pytest.fixture
def listening() -> Listening:
    return Listening()


@pytest.fixture
def recorder(tmp_path: Path, listening: Listening) -> Recorder:
    (tmp_path / "tiny.yaml").write_text(TINY)
    sweep = load_sweep(tmp_path / "tiny.yaml")
    write_yaml(tmp_path / "sweep.yaml", sweep.as_mapping())
    run = Run.begin(tmp_path, sweep.as_mapping(), about={"id": "0", "name": "tiny"})
    return Recorder(run, sweep, Study(tmp_path / "study.journal", sweep), [listening])


def row(epoch: int, value: float) -> dict[str, float]:
    return {"epoch": epoch, "loss": 1.0, "val_accuracy": value, "learning_rate": 0.001, "seconds": 0.5}


def begun(recorder: Recorder) -> int:
    proposal = recorder._study.next()
    assert proposal is not None
    recorder.start(proposal)
    return proposal.number


def test_an_epoch_reported_twice_replaces_its_row_and_is_told_once(
    recorder: Recorder, listening: Listening, tmp_path: Path
) -> None:
    number = begun(recorder)
    for epoch, value in ((1, 0.5), (2, 0.6), (2, 0.7), (3, 0.8)):
        recorder.epoch(number, row(epoch, value))
    history = read_history(tmp_path / "trials" / "0" / "history.csv")
    assert [(r["epoch"], r["val_accuracy"]) for r in history] == [(1, 0.5), (2, 0.7), (3, 0.8)]
    assert recorder._study.trials()[0].intermediate_values == {1: 0.5, 2: 0.6, 3: 0.8}
    assert listening.epochs == [1, 2, 3]
    assert recorder.epochs == 4


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("finished", "COMPLETE"),
        ("patience", "COMPLETE"),
        ("asha", "PRUNED"),
        ("diverged", "PRUNED"),
        ("out of memory", "PRUNED"),
        ("error", "FAIL"),
        ("lost", "FAIL"),
        ("interrupted", "RUNNING"),
    ],
)
def test_each_way_of_ending_has_its_state_in_the_journal(
    recorder: Recorder, tmp_path: Path, reason: str, state: str
) -> None:
    number = begun(recorder)
    recorder.epoch(number, row(1, 0.5))
    recorder.epoch(number, row(2, math.nan if reason == "diverged" else 0.4))
    (tmp_path / "trials" / "0" / "checkpoint").mkdir()
    recorder.end(Outcome(number=number, error="why" if reason == "error" else ""), reason=reason)
    trial = recorder._study.trials()[0]
    assert trial.state.name == state
    assert (tmp_path / "trials" / "0" / "checkpoint").exists() == (reason == "interrupted")
    assert (tmp_path / "trials" / "0" / "error.txt").exists() == (reason == "error")
    if state == "COMPLETE":
        assert trial.value == 0.5


def test_the_end_names_the_best_epoch_not_the_last(recorder: Recorder, listening: Listening) -> None:
    number = begun(recorder)
    for epoch, value in enumerate((0.5, 0.9, 0.9, 0.7), start=1):
        recorder.epoch(number, row(epoch, value))
    recorder.end(Outcome(number=number), reason="finished")
    (end,) = listening.ends
    assert (end.best_epoch, end.value, end.epochs, end.seconds) == (2, 0.9, 4, 2.0)
