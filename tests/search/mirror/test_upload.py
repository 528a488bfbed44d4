"""What lies at a place can be resumed at any moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.mirror.upload import LeaseLostError, Upload
from tests.search.mirror.places import growing_run, history, place_at, uploaded
from tests.search.runs import make_run


def test_everything_a_resume_needs_is_sent_and_nothing_else(tmp_path: Path) -> None:
    run, place = make_run(tmp_path / "one"), place_at(tmp_path)
    (run / "wandb").mkdir()
    (run / "retrained").mkdir()
    (run / "trials" / "5" / "checkpoint").mkdir()
    kept = ["leaderboard.csv", "report.html", "wandb/ledger.jsonl", "trials/5/checkpoint/state.npz"]
    for name in [*kept, ".lock", ".lease", "trials/5/checkpoint/before.npz", "retrained/model.keras", "trials/5/notes"]:
        (run / name).write_bytes(b"1\n")
    (run / "trials" / "5" / "error.txt").symlink_to("/etc/hostname")
    uploaded(run, place)
    names = {"sweep.yaml", "study.journal", *(f"trials/{n}/config.yaml" for n in range(6))}
    assert set(place.sizes()) == names | {f"trials/{n}/history.csv" for n in (0, 1, 2, 3, 5)} | set(kept)
    for name in place.sizes():
        assert place.read(name) == (run / name).read_bytes()


def test_only_what_changed_is_sent_again(tmp_path: Path) -> None:
    run, place = make_run(tmp_path / "one"), place_at(tmp_path)
    upload = uploaded(run, place)
    place.remove(["sweep.yaml", "study.journal", "trials/0/config.yaml"])
    (run / "trials" / "0" / "config.yaml").write_text("{changed: true}\n")
    upload.send()
    assert place.read("trials/0/config.yaml") == b"{changed: true}\n"
    assert place.read("sweep.yaml") is None
    assert upload.unsent() == []


def test_no_history_is_sent_ahead_of_the_journal(tmp_path: Path) -> None:
    (study, proposal), place = growing_run(tmp_path / "one"), place_at(tmp_path)
    file = tmp_path / "one" / "trials" / "0" / "history.csv"
    study.report(proposal.number, epoch=1, value=0.5)
    file.write_text(history(2))
    upload = uploaded(tmp_path / "one", place)
    assert place.read("trials/0/history.csv") == history(1).encode()
    study.report(proposal.number, epoch=2, value=0.5)
    upload.send()
    assert place.read("trials/0/history.csv") == history(2).encode()


def test_a_checkpoint_written_after_the_journal_was_taken_waits_for_the_next_one(tmp_path: Path) -> None:
    growing_run(tmp_path / "one")
    file, place = tmp_path / "one" / "trials" / "0" / "checkpoint" / "state.npz", place_at(tmp_path)
    file.write_bytes(b"first")

    def training_goes_on() -> bool:
        file.write_bytes(b"a later one")
        return True

    upload = Upload(tmp_path / "one", place, may_write=training_goes_on)
    upload.send()
    assert place.read("trials/0/checkpoint/state.npz") is None
    upload.send()
    assert place.read("trials/0/checkpoint/state.npz") == b"a later one"


def test_a_checkpoint_that_is_gone_is_removed_once_the_journal_says_why(tmp_path: Path) -> None:
    run = tmp_path / "one"
    (study, proposal), place = growing_run(run), place_at(tmp_path)
    file = run / "trials" / "0" / "checkpoint" / "state.npz"
    file.write_bytes(b"1")
    held = True
    upload = Upload(run, place, may_write=lambda: held)
    upload.send()
    study.report(proposal.number, epoch=1, value=0.5)
    file.unlink()
    held = False
    with pytest.raises(LeaseLostError):
        upload.send()
    assert place.read("trials/0/checkpoint/state.npz") == b"1"
    held = True
    upload.send()
    assert place.read("trials/0/checkpoint/state.npz") is None
    assert place.read("study.journal") == (run / "study.journal").read_bytes()


def test_half_a_record_is_not_sent(tmp_path: Path) -> None:
    growing_run(tmp_path / "one")
    journal, place = tmp_path / "one" / "study.journal", place_at(tmp_path)
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":')
    uploaded(tmp_path / "one", place)
    assert place.read("study.journal") == whole


def test_what_an_earlier_session_left_there_and_is_gone_is_removed(tmp_path: Path) -> None:
    run, place = make_run(tmp_path / "one"), place_at(tmp_path)
    place.write_all({"trials/9/config.yaml": b"{}", "notes.txt": b"mine"})
    uploaded(run, place)
    assert place.read("trials/9/config.yaml") is None
    assert place.read("notes.txt") == b"mine"


def test_a_file_that_was_being_written_when_its_store_went_away_is_none_of_the_run(tmp_path: Path) -> None:
    place = place_at(tmp_path)
    place.write_all({"best.yaml": b"whole", "trials/0/.0a1b2c3d.tmp": b"hal"})
    assert place.sizes() == {"best.yaml": 5}
