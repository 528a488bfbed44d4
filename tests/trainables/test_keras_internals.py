"""Keras' private parts are where we look for them, and do what we rely on."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.backend import config

from trainables.keras_internals import flat_layers, has_sublayers, replace_update, use_keras_home

OPTIMIZERS = [keras.optimizers.Adam, keras.optimizers.AdamW, keras.optimizers.RMSprop, keras.optimizers.SGD]


@pytest.mark.parametrize("name", ["_flatten_layers", "_layers"])
def test_a_layer_has_it(name: str) -> None:
    assert hasattr(keras.layers.Dense(1), name)


@pytest.mark.parametrize("name", ["_backend_update_step", "_apply_weight_decay"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_has_it(optimizer: type[keras.optimizers.Optimizer], name: str) -> None:
    assert callable(getattr(optimizer, name))


def test_layers_are_found_at_any_depth() -> None:
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="deep")], name="inner")
    model = keras.Sequential([keras.Input((2,)), inner, keras.layers.Dense(4, name="top")])
    layers = {layer.name: layer for layer in flat_layers(model)}
    assert {"inner", "deep", "top"} <= set(layers)
    assert model.name not in layers
    assert has_sublayers(inner)
    assert not has_sublayers(layers["deep"])


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_keras_updates_by_the_functions_that_replace_its_own(kind: type[keras.optimizers.Optimizer]) -> None:
    optimizer, variable = kind(learning_rate=0.1), keras.Variable([1.0])
    updated: list[float] = []
    decayed: list[int] = []
    replace_update(
        optimizer,
        update_step=lambda gradients, variables, learning_rate: updated.append(float(gradients[0][0])),
        apply_weight_decay=lambda variables: decayed.append(len(variables)),
    )
    optimizer.apply([np.array([0.5], np.float32)], [variable])
    assert (updated, decayed) == ([0.5], [1])
    assert float(variable[0]) == 1.0, "nothing but the replacement touches the variable"


def test_weights_are_found_in_the_folder_that_is_named(tmp_path: Path) -> None:
    before = Path(config.keras_home())
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "weights.h5").touch()
    use_keras_home(tmp_path)
    try:
        found = keras.utils.get_file("weights.h5", "https://unreachable.invalid/weights.h5", cache_subdir="models")
    finally:
        use_keras_home(before)
    assert found == str(tmp_path / "models" / "weights.h5")


def test_no_other_module_touches_private_parts_of_keras_or_tensorflow() -> None:
    trainables = Path(__file__).parents[2] / "trainables"
    private = re.compile(r"(?<!\bself)(?<!\bcls)(?<!\bos)(?<!\))\._[a-z]|\b(keras\.src|tensorflow\.python)\b")
    users = {file.name for file in trainables.rglob("*.py") if private.search(file.read_text())}
    assert users == {"keras_internals.py"}
