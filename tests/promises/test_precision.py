"""Half precision: float16 inside, float32 at both ends, and a loss scale that belongs to the trial's state."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tests.trainables.small import config, digits, fit, measured, mobilenet
from tests.trainables.training.test_train import traces
from trainables.training import checkpoint
from trainables.training.train import Hooks

LIVELY: dict[str, Any] = {
    "model": {"dropout": 0.2, "l2": 1e-4},
    "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.01},
    "augmentation": {"strength": 0.3},
}


def test_layers_compute_in_float16_and_pixels_weights_and_probabilities_stay_float32() -> None:
    built = fit(config(**LIVELY, mixed_precision=True)).built
    computed = {layer.name: layer.compute_dtype for layer in built.model.layers}
    assert (computed["augment"], computed["block_1_conv_1"], computed["classes"]) == ("float32", "float16", "float32")
    assert {str(weight.dtype) for weight in built.model.weights} <= {"float32", "uint32", "int64"}
    assert keras.config.dtype_policy().name == "float32"


def test_it_learns_about_as_well_as_in_full_precision() -> None:
    model = {"filters": 8, "batch_norm": "off", "head": {"pooling": "flatten"}}
    options: dict[str, Any] = {"optimizer": {"learning_rate": 0.01}, "batch_size": 16, "epochs": 5}
    half, full = (fit(config(model, **options, mixed_precision=mixed)).history[-1] for mixed in (True, False))
    assert half["val_accuracy"] > 0.7
    assert half["val_loss"] == pytest.approx(full["val_loss"], rel=0.3)


def test_settable_values_act_without_a_new_graph() -> None:
    first = fit(config(**LIVELY, mixed_precision=True))
    graphs, expected = traces(first), measured(first)
    assert measured(fit(config(**{**LIVELY, "model": {"dropout": 0.5, "l2": 1e-4}}, mixed_precision=True))) != expected
    assert measured(fit(config(**LIVELY, mixed_precision=True))) == expected
    assert traces(first) == graphs


def test_the_loss_scale_is_checkpointed_and_a_fresh_trial_starts_with_its_own() -> None:
    settings = config(**LIVELY, mixed_precision=True, epochs=4)
    snapshots: list[checkpoint.Snapshot] = []

    def on_epoch(row: Any, reason: Any, snapshot: Any) -> None:
        snapshots.append(snapshot())

    whole = fit(settings, hooks=Hooks(on_epoch=on_epoch))
    scale = whole.built.optimizer.dynamic_scale
    assert any(variable is scale for variable in whole.built.state())
    scale.assign(4.0)
    assert measured(fit(settings)) == measured(whole)
    assert measured(fit(settings, resume=snapshots[1])) == measured(whole)


def test_gradients_that_overflow_lower_the_scale_and_leave_the_weights_alone() -> None:
    built = fit(config(**LIVELY, mixed_precision=True)).built
    built.optimizer.dynamic_scale.assign(2.0**120)
    before, scale = [weight.numpy() for weight in built.model.trainable_variables], 2.0**120
    images, _ = digits()
    built.model.train_on_batch(images.images[:32].astype("float32"), images.labels[:32])
    assert float(built.optimizer.dynamic_scale.numpy()) == scale / 2
    for weight, old in zip(built.model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)


def test_the_saved_model_is_in_full_precision_and_says_the_same(tmp_path: Any) -> None:
    trained = fit(config(**LIVELY, mixed_precision=True))
    trained.model().save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    images = digits()[1].images.astype("float32")
    np.testing.assert_allclose(loaded.predict(images, verbose=0), np.asarray(trained.built.model(images)), atol=5e-3)


def test_a_backbone_is_fine_tuned_in_half_precision() -> None:
    trained = fit(config(mobilenet(unfrozen_blocks=1, head_epochs=1), mixed_precision=True, epochs=2))
    assert trained.reason == "finished"
    assert trained.built.model.get_layer("backbone").layers[1].compute_dtype == "float16"
