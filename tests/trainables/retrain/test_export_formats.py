"""In which formats a model is handed over; that it predicts the same in each is tried by `make test-models`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest

from spaces.problem import InputError
from trainables.retrain.export_formats import check_formats, export


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


def test_a_format_whose_package_is_missing_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    check_formats(["saved_model", "litert"])
    with pytest.raises(InputError, match=r"onnx and tf2onnx; got not installed\n.*pip install 'tunehound\[onnx\]'"):
        check_formats(["onnx"])


def test_an_unknown_format_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(InputError, match="did you mean onnx"):
        check_formats(["onx"])


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
