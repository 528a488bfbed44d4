"""The journal's file: Optuna's format, one short write a record, and no record spoiled by a half one."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.run.journal import OwnJournal
from tests.disk import files_of_at_most


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


def test_a_record_that_the_disk_cannot_take_leaves_the_journal_whole(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    study = lived(path)
    whole = path.read_bytes()
    with files_of_at_most(len(whole) + 20), pytest.raises(OSError, match="large"):
        study.set_user_attr("note", "x" * 100)
    assert path.read_bytes() == whole
    study.set_user_attr("note", "y")
    assert study_in(path).user_attrs == {"note": "y"}


def test_no_lock_file_that_another_process_left_holds_the_driver_up(tmp_path: Path) -> None:
    (tmp_path / "study.journal.lock").symlink_to(tmp_path / "study.journal")
    assert len(lived(tmp_path / "study.journal").trials) == 3
