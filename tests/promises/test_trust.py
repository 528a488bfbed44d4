"""A sweep over a user's own model runs only what the user named, in every process of the run."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from search.results.leaderboard import leaderboard
from tests.search.commands import call, called
from trainables import trust

MODULE = """
import keras

def build(values, image_shape, classes):
    x = images = keras.Input(image_shape)
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x))
    x = keras.layers.Dense(values["units"], activation="relu")(x)
    return keras.Model(images, keras.layers.Dense(classes, activation="softmax")(x))
"""
FAILS = """    if values["units"] > 20:
        raise ValueError("too wide")
    x = images"""
SWEEP = """
trial:
  data: {source: digits}
  model: {kind: custom, build: my_models:build, values: {units: {int: [8, 32], baseline: 16}}}
  training: {epochs: 2}
search: {trials: 2}
confirm: off
tracking: off
resources: {cpus: 2}
"""


@dataclass(frozen=True)
class Ran:
    """A run, and the folder in which it was started."""

    place: Path
    done: subprocess.CompletedProcess[str]


def laid_out(place: Path, module: str = MODULE) -> Path:
    (place / "project").mkdir()
    (place / "project" / "my_models.py").write_text(module)
    (place / "project" / "mine.yaml").write_text(SWEEP)
    return place


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
    monkeypatch.setattr(trust, "_trusted", set())
    monkeypatch.chdir(project)
    code, out, err = called(capsys, command[0], "project/mine.yaml", *command[1:], *trusted)
    assert (code, out) == (2, "")
    assert "--trust my_models" in err
    assert not (project / "runs").exists()


@pytest.mark.parametrize("command", [("plan", "--check"), ("run",)])
def test_a_trusted_function_that_fails_at_a_corner_is_told_before_anything_starts(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(trust, "_trusted", set())
    monkeypatch.chdir(project)
    (project / "project" / "my_models.py").write_text(MODULE.replace("    x = images", FAILS, 1))
    code, out, err = called(capsys, command[0], "project/mine.yaml", *command[1:], "--trust", "my_models")
    assert (code, out) == (2, "")
    assert "mine.yaml:4  trial.model.build" in err
    assert "ValueError: too wide in line 6" in err
    assert "{units: 32}" in err
    assert "→ mend my_models:build" in err
    assert not (project / "runs").exists()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A trusted sweep that ran to its end."""
    place = laid_out(tmp_path_factory.mktemp("ran"))
    return Ran(place, call("run", "project/mine.yaml", "--trust", "my_models", "--name", "own", cwd=place))


def test_a_trusted_sweep_runs_and_says_how_to_go_on_with_it(ran: Ran) -> None:
    assert ran.done.returncode == 0, ran.done.stderr
    assert "retrain runs/own/best.yaml --trust my_models" in ran.done.stderr
    finished = call("resume", "own", cwd=ran.place)
    assert finished.returncode == 0
    assert "is finished" in finished.stderr


def test_its_winner_is_retrained_where_it_is_trusted(ran: Ran) -> None:
    best = ran.place / "runs" / "own" / "best.yaml"
    refused = call("retrain", best, cwd=ran.place)
    assert refused.returncode == 2
    assert "--trust my_models" in refused.stderr
    retrained = call("retrain", best, "--trust", "my_models", cwd=ran.place)
    assert retrained.returncode == 0, retrained.stderr
    assert (best.parent / "retrained" / "model.keras").exists()


def test_a_run_of_a_users_model_is_resumed_only_where_it_is_trusted(ran: Ran) -> None:
    more = ("resume", "own", "--set", "search.trials=3")
    sweep = ran.place / "runs" / "own" / "sweep.yaml"
    before = sweep.read_text()
    refused = call(*more, cwd=ran.place)
    assert refused.returncode == 2
    assert "sweep.yaml:" in refused.stderr
    assert "add --trust my_models" in refused.stderr
    assert sweep.read_text() == before
    resumed = call(*more, "--trust", "my_models", cwd=ran.place)
    assert resumed.returncode == 0, resumed.stderr
    assert len(leaderboard(ran.place / "runs" / "own")) == 3
