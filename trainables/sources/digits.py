"""scikit-learn's handwritten digits: 1,797 real images that ship with the library."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spaces.config.trial import DigitsData
from trainables.dataset import PixelArray, PositionArray
from trainables.sources.part import Part, Parts


def digits_parts(data: DigitsData) -> Parts:
    """Return one part, to be split: 1,797 grey images, 8 × 8 pixels, of the digits 0–9."""
    from sklearn.datasets import load_digits  # here: it takes seconds, and other sources do not need it

    bunch = load_digits()

    def read(positions: PositionArray) -> PixelArray:
        return stretched(bunch.images[positions])

    labels = bunch.target.astype(np.int64)
    part = Part(labels=labels, image_shape=(8, 8, 1), read=read, name=lambda position: f"digits[{position}]")
    return Parts(train=part, class_names=tuple(str(name) for name in bunch.target_names))


def stretched(levels: NDArray[np.float64]) -> PixelArray:
    """Map levels 0–16, (n, height, width) to pixels 0–255, (n, height, width, 1): 255 · level / 16, halves rounded up.

    All seventeen levels remain distinct, so nothing is lost.
    """
    return ((levels.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)[..., np.newaxis]
