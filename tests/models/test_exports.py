"""What a model is handed over to predicts as model.keras does, to one part in 100,000."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.trainables.retrain.test_export_formats import awkward
from tests.trainables.small import config, digits, fit
from trainables.retrain.export_formats import FORMATS, export

TOLERANCE = 1e-5
"""Of a probability: converters join and reorder operations."""

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
