"""A sweep over a user's own model runs only what the user named, in every process of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.search.commands import call
from tests.search.test_cli import called
from trainables import trust

MODULE = """
import keras

def build(values, image_shape, classes):
    x = images = keras.Input(image_shape)
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x))
    x = keras.layers.Dense(values["units"], activation="relu")(x)
    return keras.Model(images, keras.layers.Dense(classes, activation="softmax")(x))
"""
SWEEP = """
trial:
  data: {source: digits}
  model: {kind: custom, build: my_models:build, values: {units: {int: [8, 32], baseline: 16}}}
  training: {epochs: 2}
search: {trials: 2}
tracking: off
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a sweep and the module beside it."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "my_models.py").write_text(MODULE)
    (tmp_path / "project" / "mine.yaml").write_text(SWEEP)
    return tmp_path


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


def test_a_trusted_sweep_runs_and_its_winner_is_retrained(project: Path) -> None:
    ran = call("run", "project/mine.yaml", "--trust", "my_models", "--name", "own", cwd=project)
    assert ran.returncode == 0, ran.stderr
    best = project / "runs" / "own" / "best.yaml"
    refused = call("retrain", best, cwd=project)
    assert refused.returncode == 2
    assert "--trust my_models" in refused.stderr
    retrained = call("retrain", best, "--trust", "my_models", cwd=project)
    assert retrained.returncode == 0, retrained.stderr
    assert (best.parent / "retrained" / "model.keras").exists()
