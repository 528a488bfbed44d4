"""A job: what every contestant of a part is given, as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ARCHITECTURE = ("blocks", "filters")
"""The values that make another network; all others are numbers in the same one."""
DENSE_UNITS, CLASSES = 64, 10
"""The head of every network."""

Domain = Sequence[Any] | Mapping[str, tuple[float, float]]
"""Written as in a sweep file: the options of a choice, or ``{"uniform": [low, high]}``, or ``{"log": [low, high]}``."""


class Arrays(NamedTuple):
    """A part's images as plain Keras wants them: float32 (n, h, w, c), scaled once, and int64 labels (n,)."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Job:
    """Trials to be trained, all alike for every contestant."""

    data: str
    """An .npz file with uint8 images and labels: train, val and test."""
    space: Mapping[str, Domain]
    trials: int
    epochs: int
    folder: str
    """Where the contestant writes whatever it writes; empty at the start."""
    asha: bool = False
    """Grace 1, factor 3, and the space is searched by TPE. Else every point of the space is trained to the end."""
    reuse_actors: bool = False
    batch_size: int = 128

    @classmethod
    def read(cls, path: str) -> Job:
        """Reads what `write` wrote."""
        return cls(**json.loads(Path(path).read_text()))

    def write(self) -> Path:
        """Writes the job into its folder and returns the file."""
        path = Path(self.folder) / "job.json"
        path.write_text(json.dumps(asdict(self)))
        return path

    @property
    def log(self) -> Path:
        """Where the contestants' callback notes epochs."""
        return Path(self.folder) / "epochs.jsonl"

    def architectures(self) -> list[dict[str, int]]:
        """The networks of the space."""
        return [
            {"blocks": blocks, "filters": filters}
            for blocks in self.space["blocks"]
            for filters in self.space["filters"]
        ]

    def points(self) -> int:
        """How many configurations a space of choices has."""
        return prod(len(options) for options in self.space.values())

    def arrays(self) -> Arrays:
        """The images, each channel with mean 0 and variance 1 over the training part: the scaling of our own models."""
        with np.load(self.data) as stored:
            parts = {name: stored[name] for name in Arrays._fields}
        pixels = parts["x_train"].reshape(-1, parts["x_train"].shape[-1])
        mean, deviation = pixels.mean(axis=0, dtype=np.float64), pixels.std(axis=0, dtype=np.float64)
        for name in ("x_train", "x_val"):
            parts[name] = ((parts[name] - mean) / deviation).astype(np.float32)
        return Arrays(**{name: values if name[0] == "x" else values.astype(np.int64) for name, values in parts.items()})


def label(values: Mapping[str, Any]) -> str:
    """The architecture among the values of a trial, as in "2 × 16"."""
    return " × ".join(str(values[name]) for name in ARCHITECTURE)
