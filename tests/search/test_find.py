"""What the user means by RUN and BEST.yaml."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.find import find_best, find_run, run_around
from search.run.journal import JOURNAL
from spaces.problem import InputError
from tests.search.runs import make_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with two runs, of which `second` was driven last, and a third that is about to become one."""
    for age_s, name in ((100, "second"), (200, "first")):
        journal = make_run(tmp_path / "runs" / name) / JOURNAL
        os.utime(journal, (1e9 - age_s, 1e9 - age_s))
    make_run(tmp_path / "runs" / ".third.0a0b0c0d")
    return tmp_path / "runs"


def test_a_run_is_found_by_path_by_name_and_as_the_latest(runs: Path) -> None:
    assert find_run(str(runs / "first"), "elsewhere") == runs / "first"
    assert find_run("first", runs) == runs / "first"
    assert find_run("latest", runs) == runs / "second"


@pytest.mark.parametrize("given", ["third", "sweep.yaml", ""])
def test_an_unknown_run_is_refused_and_the_known_ones_are_listed(runs: Path, given: str) -> None:
    with pytest.raises(InputError, match="first, second"):
        find_run(given, runs)


def test_where_there_are_no_runs_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are none"):
        find_run("latest", tmp_path / "runs")


def test_the_best_configuration_is_a_file_or_that_of_a_run(runs: Path) -> None:
    assert find_best("mine.yaml", runs) == Path("mine.yaml")
    assert find_best("first", runs) == runs / "first" / "best.yaml"


def test_a_folder_in_a_run_knows_its_run(runs: Path) -> None:
    assert run_around(runs / "first" / "retrained") == runs / "first"
    assert run_around(runs / "first") is None


def test_where_no_run_lies_none_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"which holds sweep.yaml; got nothing there"):
        find_run(f"file://{tmp_path}/store/one")
    assert not list(tmp_path.glob("runs/*"))
