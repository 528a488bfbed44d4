"""A pretrained network as a user of plain Keras writes it, and the images that it is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

FIRST_UNFROZEN = {0: None, 1: "Conv_1", 2: "block_16_expand"}
"""From which layer on MobileNetV2 trains, by the number of its blocks."""


def job(path: str) -> dict[str, Any]:
    """What all contestants are given, as `frozen_features.py` wrote it."""
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found


def datasets(job: Mapping[str, Any]) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Train and validation, uint8 in memory, in batches."""
    with np.load(job["data"]) as arrays:
        train = tf.data.Dataset.from_tensor_slices((arrays["x_train"], arrays["y_train"]))
        held_out = tf.data.Dataset.from_tensor_slices((arrays["x_val"], arrays["y_val"]))
    shuffled = train.shuffle(2000, seed=0).batch(job["batch_size"])
    return shuffled.prefetch(tf.data.AUTOTUNE), held_out.batch(job["batch_size"]).prefetch(tf.data.AUTOTUNE)


def network(job: Mapping[str, Any], values: Mapping[str, Any]) -> keras.Model:
    """MobileNetV2 under a new head, its first layers frozen, compiled."""
    side = job["side"]
    backbone = keras.applications.MobileNetV2(input_shape=(side, side, 3), include_top=False, weights=job["weights"])
    first = FIRST_UNFROZEN[values["depth"]]
    names = [layer.name for layer in backbone.layers]
    for number, layer in enumerate(backbone.layers):
        unfrozen = first is not None and number >= names.index(first)
        layer.trainable = unfrozen and not isinstance(layer, layers.BatchNormalization)
    images = keras.Input((side, side, 3))
    x = layers.RandomFlip("horizontal")(images)
    x = layers.RandomZoom((-0.05, 0.0))(x)
    x = layers.RandomBrightness(0.025)(x)
    x = keras.applications.mobilenet_v2.preprocess_input(x)
    x = layers.GlobalAveragePooling2D()(backbone(x, training=False))
    x = layers.Dropout(values["dropout"])(x)
    model = keras.Model(images, layers.Dense(job["classes"], activation="softmax")(x))
    model.compile(
        optimizer=keras.optimizers.Adam(values["learning_rate"]),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


class EpochTimes(keras.callbacks.Callback):
    """Appends depth and seconds of every epoch to a file."""

    def __init__(self, path: str, depth: int) -> None:
        super().__init__()
        self._path, self._depth, self._began = path, depth, 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Starts the clock."""
        self._began = tf.timestamp().numpy()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After validation."""
        seconds = float(tf.timestamp().numpy() - self._began)
        with Path(self._path).open("a") as file:
            file.write(json.dumps({"depth": self._depth, "epoch": epoch + 1, "seconds": seconds}) + "\n")
