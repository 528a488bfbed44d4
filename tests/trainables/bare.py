"""A Python that has no Tunehound: what a saved model must be content with."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

PREDICT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("spaces", "search", "trainables", "clusters"):
            raise ImportError("this python has no Tunehound")
sys.meta_path.insert(0, Refuse())
import keras, numpy as np
for number, file in enumerate(sys.argv[2:]):
    images = np.load(f"{sys.argv[1]}/{number}.npy")
    np.save(f"{sys.argv[1]}/told{number}.npy", keras.saving.load_model(file).predict(images, verbose=0))
"""


def predictions(images: Mapping[Path, np.ndarray]) -> list[np.ndarray]:
    """What saved models, each by its file, say there of the images that they are shown."""
    with tempfile.TemporaryDirectory() as folder:
        for number, shown in enumerate(images.values()):
            np.save(Path(folder, f"{number}.npy"), shown)
        command = [sys.executable, "-I", "-c", PREDICT, folder, *map(str, images)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return [np.load(Path(folder, f"told{number}.npy")) for number in range(len(images))]
