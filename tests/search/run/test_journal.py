"""The journal's file: Optuna's format, one short write a record, and no record spoiled by a half one."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from search.run import journal
from search.run.journal import OwnJournal, ReadJournal
from search.run.reader import RunReader
from spaces.problem import InputError
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


def test_a_reader_parses_each_record_once_however_often_it_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, parsed = tmp_path / "study.journal", list[bytes]()
    parse = journal.record_of
    monkeypatch.setattr(journal, "record_of", lambda line: parsed.append(line) or parse(line))
    driver = lived(path)
    parsed.clear()
    (tmp_path / "sweep.yaml").write_text("{run: {id: 0123abcd}, trial: {}, search: {metric: val_accuracy}}\n")
    reader = RunReader(tmp_path)
    seen = []
    for note in range(3):
        driver.set_user_attr("note", note)
        opened = reader.read()
        assert opened is not None
        seen.append((opened.notes["note"], len(opened.trials)))
    assert seen == [(0, 3), (1, 3), (2, 3)]
    assert parsed == path.read_bytes().splitlines(keepends=True)


def test_a_reader_waits_for_the_end_of_a_record_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    lived(path)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    backend = ReadJournal(path)
    path.write_bytes(whole[:-5])
    read = list(backend.read_logs(0))
    assert len(read) == len(lines) - 1
    path.write_bytes(whole)
    assert len(list(backend.read_logs(len(read)))) == 1
    assert not list(backend.read_logs(len(lines)))
    assert len(list(backend.read_logs(2))) == len(lines) - 2  # another reader of the same file


def test_damage_after_what_was_read_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "study.journal"
    lived(path)
    backend = ReadJournal(path)
    known = len(list(backend.read_logs(0)))
    with path.open("a") as file:
        file.write('{"op_co\n{"op_code": 2}\n')
    with pytest.raises(InputError, match=f"study.journal:{known + 1}"):
        backend.read_logs(known)
