"""What shows only when a model is built is told before anything starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import keras
import pytest

from spaces.config.trial import TrialConfig
from spaces.problem import Problem
from tests.trainables.small import config, mobilenet
from trainables import trust as trusting
from trainables.data.load import describe
from trainables.preflight import dry_build as module
from trainables.preflight.dry_build import dry_build
from trainables.trust import trust

MODELS = """
import keras, os

def build(values, image_shape, classes):
    if values["kind"] == "raises":
        raise KeyError("units")
    if values["kind"] == "exits":
        print("I have had enough", flush=True)
        os._exit(7)
    outputs = 3 if values["kind"] == "narrow" else classes
    return keras.Sequential([keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(outputs, "softmax")])
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a module that is trusted."""
    monkeypatch.setattr(trusting, "_trusted", set())
    (tmp_path / "rehearsed.py").write_text(MODELS)
    trust(["rehearsed"])
    return tmp_path


def custom(home: Path, kind: str, **training: object) -> TrialConfig:
    model = {"kind": "custom", "build": "rehearsed:build", "values": {"kind": kind}, "folder": str(home)}
    return config(model, **training)


def tried(*configs: TrialConfig) -> list[Problem]:
    data = describe(configs[0].data)
    return dry_build([(each, data) for each in configs])


def test_each_model_that_cannot_be_built_is_told_and_why(home: Path) -> None:
    keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None).save_weights(
        file := home / "slim.weights.h5"
    )
    slim = config(mobilenet(weights=str(file)))
    wide = config(mobilenet(weights=str(file), alpha=0.5))
    raised, narrow, wrong = tried(
        custom(home, "sound"), custom(home, "raises"), custom(home, "narrow"), slim, wide, config(mobilenet())
    )
    assert raised.path == narrow.path == ("trial", "model", "build")
    assert "must build a model" in raised.rule
    assert raised.given == f"KeyError: 'units' in line 6 of {home / 'rehearsed.py'}, with values {{kind: “raises”}}"
    assert "fix rehearsed:build" in raised.remedy
    assert "softmax over 10 classes" in narrow.rule
    assert str(narrow.given).startswith("an output of shape (3,)")
    assert wrong.path == ("trial", "model", "weights")
    assert "those of mobilenet_v2 of width alpha 0.5 without its top" in wrong.rule
    assert str(file) in str(wrong.given)


def test_a_function_that_ends_its_process_is_told(home: Path) -> None:
    sound, ends = custom(home, "sound"), custom(home, "exits")
    (problem,) = tried(sound, ends)
    assert problem.path == ("trial", "model", "build")
    assert "exit code 7; its last output: I have had enough" in str(problem.given)


def test_each_model_is_tried_once_and_only_where_arithmetic_says_too_little(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def stand_in(folder: Path, trials: list[object], env: Collection[str]) -> tuple[list[list[Problem]], str]:
        asked.append(len(trials))
        return [[] for _ in trials], ""

    monkeypatch.setattr(module, "_ask", stand_in)
    assert tried(config(), config(mobilenet()), config(mobilenet(weights="imagenet"))) == []
    assert asked == []
    tried(*(custom(home, "sound", batch_size=size) for size in (8, 16)), custom(home, "other"))
    assert asked == [2]


def test_what_asks_stays_without_tensorflow() -> None:
    code = "import sys, search.plan.check; assert not {'tensorflow', 'keras', 'ray'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
