"""Weights from a file work as the published ones do."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from tests.trainables.models.test_backbones import settings
from trainables.models.pretrained import network_of, trained_weights


def test_a_weights_file_of_an_efficientnet_works_as_the_published_weights_do(tmp_path: Path) -> None:
    """With weights="imagenet" Keras divides once more by the channels' deviations; with a file it forgets to."""
    side = 32
    theirs = keras.applications.EfficientNetB0(input_shape=(side, side, 3), include_top=False, weights=None)
    path = tmp_path / "efficientnet.weights.h5"
    theirs.save_weights(path)
    model = settings("efficientnet_b0", weights=str(path), input_size=side)
    ours = network_of(model)
    weights = trained_weights(keras.Sequential([ours]), model)
    for layer in ours.layers:
        if layer.name in weights:
            layer.set_weights(weights[layer.name])
    pixels = np.random.default_rng(0).uniform(0, 255, (1, side, side, 3)).astype(np.float32)
    stem = keras.Model(theirs.layers[3].input, theirs.output)
    divided = (pixels / 255) / np.sqrt(np.array([0.229, 0.224, 0.225], np.float32))  # the file's normalisation is plain
    np.testing.assert_allclose(np.asarray(ours(pixels)), np.asarray(stem(divided)), atol=1e-4)
