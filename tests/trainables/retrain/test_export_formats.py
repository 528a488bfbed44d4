"""What a model is handed over to predicts as model.keras does, to one part in 100,000."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from spaces.problem import InputError
from tests.trainables.small import config, digits, fit
from trainables.retrain.export_formats import FORMATS, export, refuse_unwritable

TOLERANCE = 1e-5
"""Of a probability: converters join and reorder operations."""


def awkward() -> keras.Model:
    """Layers that behave otherwise in training, or guess that they are, after one that resizes and one with tensors."""
    keras.utils.set_random_seed(0)
    pixels = keras.Input((8, 8, 1), name="pixels")
    x = keras.layers.Normalization(mean=(77.0,), variance=(900.0,))(keras.layers.Concatenate()([pixels] * 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(keras.layers.Resizing(12, 12)(x))
    moved = keras.layers.BatchNormalization()
    x = keras.layers.Dropout(0.5)(keras.layers.GlobalAveragePooling2D()(moved(x)))
    model = keras.Model(pixels, keras.layers.Dense(10, activation="softmax")(x))
    moved.moving_mean.assign(np.full(4, 0.4))
    return model


MODELS: dict[str, Callable[[], keras.Model]] = {
    "cnn": lambda: fit(config({"batch_norm": "before", "dropout": 0.5}, augmentation={"strength": 0.5})).model(),
    "awkward": awkward,
}


@pytest.fixture(scope="module", params=MODELS)
def network(request: pytest.FixtureRequest) -> keras.Model:
    return MODELS[request.param]()


def saved_model(path: Path, pixels: np.ndarray) -> np.ndarray:
    loaded = tf.saved_model.load(str(path))
    return loaded.serve(pixels).numpy()


def litert(path: Path, pixels: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings(action="ignore"):  # TensorFlow's own interpreter leaves for a package of its own
        runner = tf.lite.Interpreter(str(path)).get_signature_runner()
    (told,) = runner(pixels=pixels).values()
    return told


def onnx(path: Path, pixels: np.ndarray) -> np.ndarray:
    reference = pytest.importorskip("onnx.reference", reason="needs tunehound[onnx]")
    return reference.ReferenceEvaluator(str(path)).run(None, {"pixels": pixels})[0]


READERS = {"saved_model": saved_model, "litert": litert, "onnx": onnx}


@pytest.mark.parametrize("name", FORMATS)
def test_an_exported_model_predicts_what_the_keras_model_does(network: keras.Model, tmp_path: Path, name: str) -> None:
    for package in FORMATS[name].packages:
        pytest.importorskip(package, reason=f"needs tunehound[{name}]")
    failures = export(network, tmp_path, [name], staging=tmp_path / "staging")
    assert failures == {}
    assert [path.name for path in tmp_path.iterdir()] == [FORMATS[name].file]
    pixels = digits()[1].images.astype(np.float32)
    expected = network.predict(pixels, verbose=0)
    assert expected.std() > 1e-3
    for some in (pixels, pixels[:1]):  # any number of images at a time
        told = READERS[name](tmp_path / FORMATS[name].file, some)
        np.testing.assert_allclose(told, expected[: len(some)], atol=TOLERANCE)


def test_a_format_whose_package_is_missing_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    refuse_unwritable(["saved_model", "litert"])
    with pytest.raises(InputError, match=r"onnx and tf2onnx; got not installed\n.*pip install 'tunehound\[onnx\]'"):
        refuse_unwritable(["onnx"])


def test_an_unknown_format_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(InputError, match="did you mean onnx"):
        refuse_unwritable(["onx"])


def test_a_format_that_fails_leaves_nothing_and_the_others_are_written(tmp_path: Path) -> None:
    class Partly(keras.Model):
        def export(self, filepath: str, format: str, **options: object) -> None:
            Path(filepath).write_text("half")
            if format == "litert":
                raise RuntimeError("no such kernel.\nmore")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "export", Partly.export)
        failures = export(awkward(), tmp_path, ["litert", "saved_model"], staging=tmp_path / "staging")
    assert failures == {"litert": "no such kernel"}
    assert [path.name for path in tmp_path.iterdir()] == ["saved_model"]
