"""`retrain` and `predict` take a run like every other command, and say what is lacking."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.search.commands import called
from tests.search.runs import make_run
from tests.trainables.retrain.test_predict import paint, save_model


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run in the working directory's `runs`, and an image that is bright."""
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "bright.png", 255)
    return make_run(tmp_path / "runs" / "first")


def test_a_run_is_named_as_everywhere_or_the_folder_that_retrain_wrote(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(run / "retrained")
    (tmp_path / "runs").rename(tmp_path / "elsewhere")
    moved = tmp_path / "elsewhere" / "first"
    for given in (["latest", "--runs", "elsewhere"], ["first", "--runs", "elsewhere"], [moved], [moved / "retrained"]):
        code, out, err = called(capsys, "predict", *map(str, given), "bright.png")
        assert code == 0, err
        assert out.splitlines()[1].startswith("bright.png,1,bright,")


def test_a_run_that_was_not_retrained_is_refused_with_the_command_that_helps(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = called(capsys, "predict", "latest", "bright.png")
    assert (code, out) == (2, "")
    assert "tunehound retrain runs/first" in err


def test_a_run_without_a_best_configuration_cannot_be_retrained_yet(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = called(capsys, "retrain", "latest")
    assert (code, out) == (2, "")
    assert "tunehound resume runs/first" in err


@pytest.mark.parametrize(
    ("command", "also"), [("predict", "a folder written by `tunehound retrain`"), ("retrain", "a configuration")]
)
def test_what_is_neither_is_refused_and_the_known_runs_are_listed(
    run: Path, capsys: pytest.CaptureFixture[str], command: str, also: str
) -> None:
    code, out, err = called(capsys, command, "second", *(["bright.png"] if command == "predict" else []))
    assert (code, out) == (2, "")
    assert also in err
    assert "runs in runs: first" in err
