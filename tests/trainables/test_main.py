"""``python -m trainables CONFIG.yaml``: one configuration, its metrics, no Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spaces.config.trial import TrialConfig
from spaces.file.write import write_yaml
from tests.trainables import small  # noqa: F401 - settles the threads
from trainables.__main__ import main

SETTINGS: dict[str, Any] = {
    "data": {"source": "digits"},
    "model": {"kind": "cnn", "blocks": 1, "filters": 4},
    "training": {"epochs": 2, "batch_size": 128},
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    config = TrialConfig.model_validate(SETTINGS)
    write_yaml(tmp_path / "config.yaml", config.model_dump(mode="json"))
    return tmp_path / "config.yaml"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the command in this process; returns its exit code."""

    def called(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["trainables", *arguments])
        return main()

    return called


def test_every_epoch_is_a_line_of_metrics_whatever_the_users_settings(
    file: Path, tmp_path: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"floatx": "float16", "image_data_format": "channels_first", "backend": "jax", "epsilon": 1}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    users = {"KERAS_HOME": str(tmp_path), "KERAS_MAX_STEPS_PER_EPOCH": "1", "TF_XLA_FLAGS": "--tf_xla_auto_jit=2"}
    command = [sys.executable, "-m", "trainables", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env={**os.environ, **users})
    first, second, end = done.stdout.splitlines()
    assert first.startswith("epoch=1  ")
    assert second.startswith("epoch=2  ")
    assert all(part in first for part in ("loss=", "val_loss=", "val_accuracy=", "learning_rate=0.001"))
    assert end == "ended: finished"
    assert call(str(file)) == 0
    here = capsys.readouterr().out.splitlines()[1]
    assert _metrics(second) == pytest.approx(_metrics(here), rel=1e-3)


def _metrics(line: str) -> dict[str, float]:
    return {name: float(value) for name, value in (part.split("=") for part in line.split()) if "loss" in name}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.yaml"], "nowhere.yaml"),
        (["FILE", "--set", "model.dropuot=0.1"], "did you mean dropout?"),
        (["FILE", "--set", "model.blocks=9"], "model.blocks"),
        (["FILE", "--set", "data={source: folder, path: nowhere}"], "nowhere"),
    ],
)
def test_wrong_input_ends_with_2_and_a_message(
    call: Callable[..., int], file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert call(*(str(file) if argument == "FILE" else argument for argument in arguments)) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""


def test_data_that_cannot_be_read_end_with_2(
    call: Callable[..., int], file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert call(str(file), "--set", f"data={{source: folder, path: {tmp_path / 'empty'}}}") == 2
    assert "empty" in capsys.readouterr().err


def test_a_loss_of_nan_ends_with_1(call: Callable[..., int], file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(file), "--set", "optimizer.learning_rate=1.0e38") == 1
    assert capsys.readouterr().out.splitlines()[-1] == "ended: diverged"
