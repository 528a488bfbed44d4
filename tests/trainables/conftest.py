"""Small synthetic data sets, written to a temporary folder, and a data cache for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.trainables.sets import forget

Writer = Callable[..., Path]


def noise(seed: int, *shape: int) -> NDArray[np.uint8]:
    """Random pixels, uint8, of the given shape; no two seeds give the same."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def write_folder(tmp_path: Path) -> Writer:
    """``write_folder({"cat": 10, "dog": 10}, "set/train")`` writes PNG files of noise, 8 × 8 pixels, no two alike."""

    def write(classes: Mapping[str, int], name: str = "pictures", *, seed: int = 0) -> Path:
        root = tmp_path / name
        for number, (label, count) in enumerate(classes.items()):
            (root / label).mkdir(parents=True)
            for index in range(count):
                pixels = noise(seed * 100_000 + number * 1_000 + index, 8, 8, 3)
                Image.fromarray(pixels).save(root / label / f"{index:03}.png")
        return root

    return write


@pytest.fixture
def write_npz(tmp_path: Path) -> Writer:
    """``write_npz(x_val=…, …)`` writes 20 grey images, 4 × 4 pixels, of two classes; what is named replaces or adds."""

    def write(**arrays: object) -> Path:
        given = {"x_train": noise(0, 20, 4, 4), "y_train": np.arange(20) % 2} | arrays
        path = tmp_path / "arrays.npz"
        np.savez_compressed(path, **{name: array for name, array in given.items() if array is not None})
        return path

    return write


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache, here and in the processes that a test starts."""
    monkeypatch.setenv("TUNEHOUND_CACHE", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache" / "data"
    forget()
