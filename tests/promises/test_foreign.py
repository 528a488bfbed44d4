"""Whoever reads a run finds something in it or says what is wrong with which file, whatever was done to its files.

tests/harm/test_foreign.py does the same some thousand times.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.report import write_report
from search.results.leaderboard import leaderboard
from search.run.lock import run_lock
from search.tuner.resume import unfinished
from spaces.problem import InputError
from tests.foreign_runs import READERS, make_whole_run, outcome
from tests.mutations import RAW, mutate
from tests.search.cli.test_app import called


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_whole_run(tmp_path_factory.mktemp("runs") / "theirs")


def copied(run: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    return Path(shutil.copytree(run, to))


def test_every_reader_reads_a_run_that_nobody_touched(whole: Path, tmp_path: Path) -> None:
    for name, reader in READERS.items():
        assert outcome(reader, copied(whole, tmp_path / "copy")) == ("value", ""), name


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random=st.randoms(use_true_random=False), name=st.sampled_from(sorted(READERS)))
def test_every_reader_ends_in_a_value_or_a_clear_error(whole: Path, tmp_path: Path, random: Random, name: str) -> None:
    run = copied(whole, tmp_path / "copy")
    what = mutate(run, random)
    kind, text = outcome(READERS[name], run)
    assert kind in ("value", "clear"), f"{what}\n{text}"
    assert kind == "value" or "→" in text


@pytest.mark.parametrize("file", ["study.journal", "sweep.yaml"])
@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a circle of links", "a link to a device", "UTF-16", "rubbish"])
def test_what_stands_in_the_place_of_a_file_is_named_and_left_alone(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, kind: str
) -> None:
    run = copied(whole, tmp_path / "copy")
    content = (run / file).read_bytes()
    (run / file).unlink()
    RAW[kind](run / file, content, Random(0))
    for command in ("leaderboard", "resume"):
        code, _, err = called(capsys, command, str(run))
        assert code == 2
        assert file in err
    assert not (run / file).is_file() or (run / file).stat().st_size > 0


def test_a_journal_in_another_encoding_is_not_cut_off_by_resuming(whole: Path, tmp_path: Path) -> None:
    run = copied(whole, tmp_path / "copy")
    content = (run / "study.journal").read_text().encode("utf-16")
    (run / "study.journal").write_bytes(content)
    with pytest.raises(InputError, match="a journal is text in UTF-8"):
        unfinished(run)
    assert (run / "study.journal").read_bytes() == content


def test_a_journal_cut_off_in_its_first_record_is_a_run_that_did_not_begin(whole: Path, tmp_path: Path) -> None:
    run = copied(whole, tmp_path / "copy")
    (run / "study.journal").write_bytes((run / "study.journal").read_bytes()[:30])
    assert unfinished(run)


def test_a_lock_that_is_a_pipe_is_refused_and_not_waited_for(whole: Path, tmp_path: Path) -> None:
    run = copied(whole, tmp_path / "copy")
    os.mkfifo(run / ".lock")
    with pytest.raises(InputError, match="this is no file"), run_lock(run):
        pass


def test_a_history_that_is_a_folder_is_named_by_the_report_and_no_matter_to_the_leaderboard(
    whole: Path, tmp_path: Path
) -> None:
    run = copied(whole, tmp_path / "copy")
    (run / "trials" / "1" / "history.csv").unlink()
    (run / "trials" / "1" / "history.csv").mkdir()
    assert len(leaderboard(run)) == 6
    with pytest.raises(InputError, match=r"trials/1/history\.csv"):
        READERS["notebook"](run)
    assert write_report(run).is_file()
