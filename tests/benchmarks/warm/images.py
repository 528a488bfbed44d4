"""The images of the two parts, with one split for all contestants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 0


def write_digits(path: Path, *, train: int = 1300, validation: int = 397) -> Path:
    """scikit-learn's 1,797 digits, enlarged to 32 × 32 pixels, grey. 100 are left for a test part."""
    bunch = load_digits()
    images = np.stack([_enlarged(image) for image in bunch.images])[..., np.newaxis]
    return _write(path, images, bunch.target, train=train, validation=validation)


def write_cifar(path: Path, source: Path, *, train: int = 4000, validation: int = 1000) -> Path:
    """``train`` + ``validation`` images of a CIFAR-10 archive's x_train, 32 × 32 in colour; 100 others are the test."""
    with np.load(source) as stored:
        return _write(path, stored["x_train"], stored["y_train"].ravel(), train=train, validation=validation)


def _write(path: Path, images: np.ndarray, labels: np.ndarray, *, train: int, validation: int) -> Path:
    """Draws the parts, each class alike in all. The test part is there because we would carve one off the training."""
    order = np.arange(len(labels))
    learned, rest = train_test_split(order, train_size=train, stratify=labels, random_state=SEED)
    chosen, rest = train_test_split(rest, train_size=validation, stratify=labels[rest], random_state=SEED)
    parts = {"train": learned, "val": chosen, "test": rest[:100]}
    arrays = {f"x_{name}": images[where] for name, where in parts.items()}
    np.savez(path, **arrays, **{f"y_{name}": labels[where] for name, where in parts.items()})
    return path


def _enlarged(levels: np.ndarray) -> np.ndarray:
    """Levels 0–16 (8, 8) → uint8 (32, 32)."""
    image = Image.fromarray((levels * 255 / 16).astype(np.uint8))
    return np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR))
