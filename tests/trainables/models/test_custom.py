"""A model that the user's own function builds: it runs only where its module is trusted, and then as ours do."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spaces.config.trial import TrialConfig
from spaces.problem import InputError
from tests.trainables.small import config, fit, measured
from trainables import trust as trusting
from trainables.data.load import describe
from trainables.models.settable import architecture
from trainables.preflight.compatibility import misfits
from trainables.training.train import Hooks
from trainables.trust import trust

SMALL = """
import keras

def build(values, image_shape, classes):
    x = images = keras.Input(image_shape)
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x))
    x = keras.layers.Dropout(0.1)(keras.layers.Dense(values["units"], activation="relu")(x))
    return keras.Model(images, keras.layers.Dense(classes, activation="softmax")(x))
"""
LOADS = """
import keras, numpy as np

def build(values, image_shape, classes):
    model = keras.Sequential([keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(classes, "softmax")])
    model.layers[-1].set_weights([np.full(w.shape, 0.25) for w in model.layers[-1].get_weights()])
    model.layers[-1].trainable = False
    return model
"""
RETURNS = "import keras\n\ndef build(values, image_shape, classes):\n    "
WRONG = {
    "a keras.Model": RETURNS + "return 7",
    "must build a model": RETURNS + "return values['nothing']",
    "softmax over 10": RETURNS
    + "return keras.Sequential([keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(3, 'softmax')])",
    "add up to 1": RETURNS
    + "return keras.Sequential([keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(classes)])",
    "stock Keras layers": "import keras\nclass Mine(keras.layers.Flatten):\n    pass\n"
    + RETURNS
    + "return keras.Sequential([keras.Input(image_shape), Mine(), keras.layers.Dense(classes, 'softmax')])",
    "must be importable": "import nothing_of_this_name",
    "a function build": "def built(values, image_shape, classes):\n    pass",
}

Module = Callable[[str], dict[str, Any]]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    """Writes a module of the user's that nobody has trusted yet; the settings that name it."""
    monkeypatch.setattr(trusting, "_trusted", set())
    monkeypatch.syspath_prepend(tmp_path)  # undoes what importing does to the path
    numbers = itertools.count()

    def write(text: str) -> dict[str, Any]:
        name = f"mine_{tmp_path.name}_{next(numbers)}".replace("-", "_")
        (tmp_path / f"{name}.py").write_text(text)
        return {"kind": "custom", "build": f"{name}:build", "values": {"units": 32}, "folder": str(tmp_path)}

    return write


def name_of(model: dict[str, Any]) -> str:
    return str(model["build"]).split(":")[0]


def problems(settings: TrialConfig) -> list[tuple[tuple[str | int, ...], str, str]]:
    found = misfits(settings, describe(settings.data))
    return [(each.path, each.rule, each.remedy) for each in found]


def test_without_trust_nothing_of_the_module_runs(module: Module, tmp_path: Path) -> None:
    model = module(f"open({str(tmp_path / 'ran')!r}, 'w')\n" + SMALL)
    ((path, rule, remedy),) = problems(config(model))
    assert path == ("trial", "model", "build")
    assert "trust" in rule
    assert f"--trust {name_of(model)}" in remedy
    trust(["another_module"])
    with pytest.raises(InputError, match="trust"):
        fit(config(model))
    assert not (tmp_path / "ran").exists()


def test_a_trusted_module_that_is_nowhere_is_refused(module: Module) -> None:
    model = {**module(SMALL), "build": "nowhere_at_all:build"}
    trust(["nowhere_at_all"])
    ((_, rule, _),) = problems(config(model))
    assert "there must be a module nowhere_at_all" in rule


def test_a_trusted_model_trains_the_same_from_the_same_seed_and_goes_on_from_any_epoch(module: Module) -> None:
    model = module(SMALL)
    trust([name_of(model)])
    settings, snapshots = config(model, optimizer={"learning_rate": 0.01}, epochs=3, seed=4), []
    assert problems(settings) == []
    first = measured(fit(settings, hooks=Hooks(on_epoch=lambda row, reason, take: snapshots.append(take()))))
    assert measured(fit(config(model, epochs=1, seed=5))) != first[:1]
    assert measured(fit(settings)) == first
    assert measured(fit(settings, resume=snapshots[0])) == first
    assert first[-1][3] > 0.3


def test_weights_that_the_function_loads_and_freezes_stay(module: Module) -> None:
    model = module(LOADS)
    trust([name_of(model)])
    trained = fit(config(model, epochs=1))
    for weight in trained.model().get_weights():
        assert (weight == 0.25).all()


@pytest.mark.parametrize("told", WRONG)
def test_a_function_that_builds_no_classifier_is_refused(module: Module, told: str) -> None:
    model = module(WRONG[told])
    trust([name_of(model)])
    with pytest.raises(InputError, match=told) as caught:
        fit(config(model))
    assert caught.value.problems[0].path == ("model", "build")


def test_every_value_of_a_users_model_makes_another_architecture(module: Module) -> None:
    model = module(SMALL)
    other = {**model, "values": {"units": 32.0}}
    one, two = (architecture(config(each).model) for each in (model, other))
    assert one != two
    assert hash(one) == hash(architecture(config(model).model))


def test_a_module_beside_the_sweep_wins_over_one_of_the_same_name_imported_before(
    module: Module, tmp_path: Path
) -> None:
    model = module(SMALL)
    trust([name_of(model)])
    fit(config(model, epochs=1))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / f"{name_of(model)}.py").write_text(LOADS)
    trained = fit(config({**model, "folder": str(elsewhere)}, epochs=1))
    assert all(np.all(weight == 0.25) for weight in trained.model().get_weights())
