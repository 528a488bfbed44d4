"""Notes when each epoch of a plain Keras model ended: the same callback for every contestant but ours."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras


class EpochLog(keras.callbacks.Callback):
    """Appends a line an epoch. It costs microseconds, and several processes may write to one file.

    Args:
        path: the file, JSON lines with the fields of `timeline.Epoch`.
        architecture: of the model, where the caller knows it.
    """

    def __init__(self, path: Path, architecture: str = "") -> None:
        super().__init__()
        self._path, self._architecture = str(path), architecture
        self._trial, self._began = "", 0.0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Every call of `fit` is a trial."""
        self._trial = uuid.uuid4().hex

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._began = time.time()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keras calls it after validation."""
        now = time.time()
        line = {
            "trial": self._trial,
            "epoch": epoch + 1,
            "ended": now,
            "seconds": now - self._began,
            "val_accuracy": float((logs or {})["val_accuracy"]),
            "architecture": self._architecture,
        }
        with Path(self._path).open("a") as file:
            file.write(json.dumps(line) + "\n")
