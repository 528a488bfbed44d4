"""Small data sets in the format of TensorFlow Datasets, written by its own writer in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CLASSES = ("ant", "bee", "cat")


def prepare(folder: Path, splits: Mapping[str, Sequence[int]], **kind: Any) -> None:
    """Prepares the set `little` version 1.0.0 in ``folder``: of each split the seeds of its images.

    Image k is noise of ``side`` pixels (6; None: each of another size) and ``channels`` (3), and is of class k modulo
    3; ``labelled: False`` leaves the test split without labels, ``image: False`` has text instead of images.
    """
    prepare_all([described(folder, splits, **kind)])


def described(folder: Path, splits: Mapping[str, Sequence[int]], **kind: Any) -> dict[str, Any]:
    """A set for `prepare_all`."""
    return {"folder": str(folder), "splits": {name: list(seeds) for name, seeds in splits.items()}, **kind}


def prepare_all(sets: Sequence[dict[str, Any]]) -> None:
    """Several at once: TensorFlow takes seconds to wake."""
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, json.dumps(list(sets))]
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=120)


def main(wanted: dict[str, Any]) -> None:
    """Writes the set."""
    import numpy as np
    import tensorflow_datasets as tfds

    side, channels = wanted.get("side", 6), wanted.get("channels", 3)

    def example(split: str, seed: int) -> dict[str, Any]:
        if not wanted.get("image", True):
            return {"image": "text", "label": seed % 3}
        pixels = np.random.default_rng(seed).integers(
            0, 256, (side or 6 + seed % 5, side or 7, channels), dtype=np.uint8
        )
        return {"image": pixels, "label": -1 if split == "test" and not wanted.get("labelled", True) else seed % 3}

    image = tfds.features.Image(shape=(side, side, channels)) if wanted.get("image", True) else tfds.features.Text()
    tfds.dataset_builders.store_as_tfds_dataset(
        name="little",
        version="1.0.0",
        features=tfds.features.FeaturesDict({"image": image, "label": tfds.features.ClassLabel(names=CLASSES)}),
        split_datasets={
            name: [(i, example(name, s)) for i, s in enumerate(seeds)] for name, seeds in wanted["splits"].items()
        },
        data_dir=wanted["folder"],
    )


if __name__ == "__main__":
    for each in json.loads(sys.argv[1]):
        main(each)
