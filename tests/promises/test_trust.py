"""A sweep over a user's own model runs only what the user named, in every process of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.promises.own_model import LISTED, MODULE, Ran, laid_out
from tests.search.commands import called
from trainables import trust

FAILS = """    if values["units"] > 20:
        raise ValueError("too wide")
    x = images"""
EXTEND = ("resume", "own", "--set", "search.trials=3", "--set", "tracking=off")
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _nothing_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh process; the variable that the sweep names is set."""
    monkeypatch.setattr(trust, "_trusted", set())
    monkeypatch.setenv(LISTED, "set")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a sweep and the module beside it."""
    return laid_out(tmp_path)


@pytest.mark.parametrize("command", [("plan", "--check"), ("run",), ("describe",)])
@pytest.mark.parametrize("trusted", [(), ("--trust", "another")])
def test_without_trust_in_the_module_nothing_is_started(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    trusted: tuple[str, ...],
) -> None:
    monkeypatch.chdir(project)
    code, out, err = called(capsys, command[0], "project/mine.yaml", *command[1:], *trusted)
    assert (code, out) == (2, "")
    assert "--trust my_models" in err
    assert not (project / "runs").exists()


def test_a_trusted_function_that_fails_at_a_corner_is_told_before_anything_starts(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    (project / "project" / "my_models.py").write_text(MODULE.replace("    x = images", FAILS, 1))
    code, out, err = called(capsys, "run", "project/mine.yaml", "--trust", "my_models")
    assert (code, out) == (2, "")
    assert "mine.yaml:4  trial.model.build" in err
    assert "ValueError: too wide in line 6" in err
    assert "{units: 32}" in err
    assert "→ fix my_models:build" in err
    assert not (project / "runs").exists()


def test_a_trusted_sweep_runs_and_says_how_to_go_on_with_it(ran: Ran) -> None:
    assert "retrain runs/own/best.yaml --trust my_models" in ran.done.stderr


def test_its_winner_is_retrained_where_it_is_trusted(ran: Ran, capsys: Capture) -> None:
    code, _, err = called(capsys, "retrain", ran.best)
    assert code == 2
    assert "--trust my_models" in err
    code, _, err = called(capsys, "retrain", ran.best, "--trust", "my_models")
    assert code == 0, err
    assert (Path(ran.best).parent / "retrained" / "model.keras").exists()


def test_a_finished_run_is_not_extended_without_trust_in_its_model(
    ran: Ran, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran.place)
    sweep = ran.place / "runs" / "own" / "sweep.yaml"
    before = sweep.read_text()
    code, _, err = called(capsys, *EXTEND)
    assert code == 2
    assert "sweep.yaml:" in err
    assert "add --trust my_models" in err
    assert sweep.read_text() == before
