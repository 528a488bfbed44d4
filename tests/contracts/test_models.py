"""What every kind of model promises, whatever the shape of its images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pytest

from spaces.config.trial import Model, TrialConfig
from tests.trainables.bare import predictions
from trainables.dataset import Images
from trainables.training.build import Built, Inputs, build, set_values, stock_model
from trainables.trust import trust

CLASSES = 7
MODELS: dict[str, dict[str, Any]] = {
    "cnn": {
        "kind": "cnn",
        "blocks": 2,
        "filters": 4,
        "dropout": 0.3,
        "l2": 1e-3,
        "head": {"units": (6,), "dropout": 0.2},
    },
    "pretrained": {
        "kind": "pretrained",
        "backbone": "mobilenet_v2",
        "alpha": 0.35,
        "input_size": 32,
        "weights": "none",
        "unfrozen_blocks": 1,
        "head": {"pooling": "max", "units": (6,), "batch_norm": True},
    },
    "custom": {"kind": "custom", "build": "contract_model:build", "values": {"width": 6, "dropout": 0.3}},
}
CUSTOM = """
import keras

def build(values, image_shape, classes):
    x = images = keras.Input(image_shape)
    x = keras.layers.Conv2D(values["width"], 3, padding="same", activation="relu")(keras.layers.Rescaling(1 / 255)(x))
    x = keras.layers.Dropout(values["dropout"])(keras.layers.BatchNormalization()(x))
    x = keras.layers.Dense(classes, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(images, x)
"""
"""A module of a user's."""
SHAPES = [(8, 8, 1), (32, 32, 3)]


@dataclass(frozen=True)
class Case:
    """A model as it is trained, its stock copy, and what both are shown."""

    built: Built
    stock: keras.Model
    images: np.ndarray
    file: Path


def a_case(kind: str, shape: tuple[int, int, int], folder: Path) -> Case:
    data: dict[str, Any] = {"data": {"source": "digits"}, "model": MODELS[kind], "training": {"epochs": 2}}
    if kind == "custom":
        (folder.parent / "contract_model.py").write_text(CUSTOM)
        data["model"] = {**MODELS[kind], "folder": str(folder.parent)}
        trust(["contract_model"])
    data["augmentation"] = {"policy": ("flip", "contrast"), "strength": 0.5}
    config = TrialConfig.model_validate(data)
    images = np.random.default_rng(0).integers(0, 256, (5, *shape), dtype=np.uint8)
    built = build(config, Inputs.of(Images(images, np.zeros(5, np.int64)), classes=CLASSES))
    set_values(built, config)
    stock = stock_model(built, config)
    folder.mkdir()
    stock.save(folder / "model.keras")
    return Case(built, stock, images, folder / "model.keras")


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, Any], Case]:
    """Every kind × every shape."""
    place = tmp_path_factory.mktemp("models")
    return {(kind, shape): a_case(kind, shape, place / f"{kind}{shape[0]}") for kind in MODELS for shape in SHAPES}


@pytest.fixture(
    params=[(kind, shape) for kind in MODELS for shape in SHAPES], ids=lambda param: f"{param[0]}-{param[1]}"
)
def case(request: pytest.FixtureRequest, cases: dict[tuple[str, Any], Case]) -> Case:
    return cases[request.param]


def predict(model: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.asarray(model(images.astype(np.float32), training=False))


def test_every_kind_of_model_is_held_to_the_contract() -> None:
    kinds = {get_args(member.model_fields["kind"].annotation)[0] for member in get_args(get_args(Model)[0])}
    assert kinds == set(MODELS)


def test_each_image_gets_a_probability_for_each_class(case: Case) -> None:
    probabilities = predict(case.built.model, case.images)
    assert probabilities.shape == (5, CLASSES)
    assert probabilities.dtype == np.float32
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_the_stock_copy_predicts_the_same(case: Case) -> None:
    np.testing.assert_allclose(predict(case.stock, case.images), predict(case.built.model, case.images), atol=1e-6)


def test_the_stock_copy_is_not_in_training_mode_unless_it_is_told_so(case: Case) -> None:
    called = np.asarray(case.stock(case.images.astype(np.float32)))
    np.testing.assert_allclose(called, predict(case.stock, case.images), atol=1e-6)


def test_the_stock_copy_is_made_of_keras_alone(case: Case) -> None:
    layers = list(case.stock._flatten_layers(include_self=False))
    assert {type(layer).__module__.split(".")[0] for layer in layers} == {"keras"}
    assert "augment" not in {layer.name for layer in layers}


def test_the_stock_copy_has_as_many_parameters(case: Case) -> None:
    assert case.stock.count_params() == case.built.model.count_params()


def test_the_file_loads_where_tunehound_was_never_installed(cases: dict[tuple[str, Any], Case]) -> None:
    told_there = predictions({case.file: case.images for case in cases.values()})
    for case, told in zip(cases.values(), told_there, strict=True):
        np.testing.assert_allclose(told, predict(case.stock, case.images), atol=1e-6)
