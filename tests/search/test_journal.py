"""The journal's file: Optuna's format, one short write a record, and no record spoiled by a half one."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.journal import OwnJournal


def study_in(path: Path) -> optuna.Study:
    return optuna.create_study(storage=JournalStorage(OwnJournal(path)), study_name="one", load_if_exists=True)


def lived(path: Path, trials: int = 3) -> optuna.Study:
    study = study_in(path)
    for number in range(trials):
        trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        trial.report(float("nan") if number else 0.5, step=1)
        trial.set_user_attr("reason", "finished")
        study.tell(trial, float(number))
    return study


def test_optunas_own_backend_reads_what_was_written(tmp_path: Path) -> None:
    here = lived(tmp_path / "study.journal")
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "study.journal")))
    there = optuna.load_study(study_name="one", storage=storage)
    assert list(map(repr, there.trials)) == list(map(repr, here.trials))
    assert len(there.trials) == 3


def test_a_journal_opened_again_goes_on(tmp_path: Path) -> None:
    lived(tmp_path / "study.journal")
    again = lived(tmp_path / "study.journal", trials=2)
    assert [trial.number for trial in again.trials] == list(range(5))


def test_a_half_written_last_line_is_cut_off_before_anything_is_added(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    lived(path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[-1][:20])
    assert len(study_in(path).trials) == 3
    lines = path.read_bytes().splitlines()
    assert lines[: len(whole.splitlines())] == whole.splitlines()
    assert all(map(json.loads, lines))
    path.write_bytes(b'{"op_')
    assert study_in(path).trials == []


def test_no_lock_file_that_another_process_left_holds_the_driver_up(tmp_path: Path) -> None:
    (tmp_path / "study.journal.lock").symlink_to(tmp_path / "study.journal")
    assert len(lived(tmp_path / "study.journal").trials) == 3
