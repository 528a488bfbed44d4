"""What the user means by RUN and BEST.yaml."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.find import find_best, find_retrained, find_run, run_around
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
    with pytest.raises(InputError, match=r"runs in .*: none"):
        find_run("latest", tmp_path / "runs")


def test_the_best_configuration_is_a_file_or_that_of_a_run(runs: Path) -> None:
    assert find_best("mine.yaml", runs) == Path("mine.yaml")
    (runs / "second" / "best.yaml").touch()
    for given in ("latest", "second", str(runs / "second")):
        assert find_best(given, runs) == runs / "second" / "best.yaml"


def test_a_run_without_a_best_configuration_is_refused_with_what_to_do(runs: Path) -> None:
    with pytest.raises(InputError, match=f"val_accuracy yet\n.*tunehound resume {runs / 'first'}"):
        find_best("first", runs)


def test_what_was_retrained_is_a_folder_or_that_of_a_run(runs: Path, tmp_path: Path) -> None:
    model = runs / "second" / "retrained"
    model.mkdir()
    for given in ("latest", "second", str(runs / "second"), str(model)):
        assert find_retrained(given, runs) == model
    (tmp_path / "elsewhere").mkdir()
    assert find_retrained(str(tmp_path / "elsewhere"), runs) == tmp_path / "elsewhere"


def test_a_run_that_was_not_retrained_is_refused_with_what_to_do(runs: Path) -> None:
    with pytest.raises(InputError, match=f"none yet\n.*tunehound retrain {runs / 'first'}"):
        find_retrained("first", runs)
    with pytest.raises(InputError, match=r"or a folder written by `tunehound retrain`; got third\n.*first, second"):
        find_retrained("third", runs)


def test_a_folder_in_a_run_knows_its_run(runs: Path) -> None:
    assert run_around(runs / "first" / "retrained") == runs / "first"
    assert run_around(runs / "first") is None


def test_where_no_run_lies_none_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"must be a folder with a sweep.yaml; got an empty folder"):
        find_run(f"file://{tmp_path}/store/one")
    assert not list(tmp_path.glob("runs/*"))
