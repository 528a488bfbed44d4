"""One driver a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.run.lock import driving
from tests.search.commands import called
from tests.search.runs import make_run


def test_a_living_driver_keeps_others_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run")
    with driving(run):
        code, out, err = called(capsys, "resume", str(run))
    assert (code, out) == (2, "")
    assert "another one is driving this run now" in err


def test_what_a_dead_driver_left_on_the_journal_is_removed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    (run / "study.journal.lock").symlink_to(run / "study.journal")
    with driving(run):
        assert not (run / "study.journal.lock").is_symlink()
