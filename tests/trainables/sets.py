"""Small data sets on disk, and a process that has seen none of them."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
from PIL import Image

from spaces.config.trial import Data, FolderData, NpzData
from trainables.data import load as doors


def forget() -> None:
    """Makes this process as good as a fresh one."""
    doors.opened.cache_clear()
    doors.opened_test.cache_clear()
    gc.collect()


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def pictures(place: Path, count: int = 20) -> Data:
    for name, seed in (("cat", 0), ("dog", 1)):
        (place / "pictures" / name).mkdir(parents=True)
        for index, pixels in enumerate(noise(seed, count, 11, 9, 3)):
            Image.fromarray(pixels).save(place / "pictures" / name / f"{index:03}.png")
    return FolderData(source="folder", path=str(place / "pictures"), image_size=8)


def archive(path: Path, count: int, *, seed: int = 0, side: int = 64) -> Data:
    """Images of about 12 KB each, with validation and test parts that say which they are."""
    images = {"x_train": noise(seed, count, side, side, 3), "x_val": noise(seed + 1, 4, side, side, 3)}
    np.savez(
        path,
        **images,
        y_train=np.arange(count) % 2,
        y_val=np.arange(4) % 2,
        x_test=images["x_val"] ^ 1,
        y_test=np.arange(4) % 2,
    )
    return NpzData(source="npz", path=str(path))


def entries(cache: Path) -> set[str]:
    """The keys of the sets in a store."""
    return {path.name for path in cache.iterdir() if path.is_dir()}
