"""What a trial is given: images with their labels, in a part to train on and a part to choose by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

PixelArray = NDArray[np.uint8]
"""Pixels, 0–255, of shape (n, height, width, channels) — or (height, width, channels) for one image."""

LabelArray = NDArray[np.int64]
"""One class a whole number, counted from 0, of shape (n,)."""

PositionArray = NDArray[np.int64]
"""Where in a part some of its images stand, of shape (m,)."""


@dataclass(frozen=True, eq=False)
class Images:
    """Images and their labels, read-only.

    Shapes: ``images`` uint8 (n, height, width, channels) with one or three channels, ``labels`` int64 (n,).

    Raises:
        ValueError: the arrays have other shapes or types than these.
    """

    images: PixelArray
    labels: LabelArray

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[-1] not in (1, 3):
            given = f"{self.images.dtype} {self.images.shape}"
            raise ValueError(f"images must be uint8 (n, height, width, 1 or 3); got {given}")
        if self.labels.dtype != np.int64 or self.labels.shape != self.images.shape[:1]:
            given = f"{self.labels.dtype} {self.labels.shape} for {len(self.images)} images"
            raise ValueError(f"labels must be int64, one an image; got {given}")
        self.images.flags.writeable = False
        self.labels.flags.writeable = False

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, positions: PositionArray) -> PixelArray:
        """Some of the images."""
        return self.images[positions]

    @cached_property
    def levels(self) -> NDArray[np.int64]:
        """How often each level occurs in each channel, int64 (channels, 256)."""
        counts = np.zeros((self.images.shape[-1], 256), np.int64)
        for start in range(0, len(self.images), 128):  # counting copies to int64, eight times the size
            for channel, count in enumerate(counts):
                count += np.bincount(self.images[start : start + 128, ..., channel].ravel(), minlength=256)
        return counts

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height and width in pixels, and the number of channels."""
        _, height, width, channels = self.images.shape
        return height, width, channels


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a search sees of a data set; the test part is not in it."""

    train: Images
    validation: Images
    class_names: tuple[str, ...]
    fingerprint: str
    """Sixteen hexadecimal digits of the SHA-256 of pixels, labels and class names of both parts; paths play no role."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height and width in pixels, and the number of channels."""
        return self.train.image_shape

    @property
    def class_count(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def class_counts(self) -> tuple[int, ...]:
        """How many training images each class has, in the order of ``class_names``."""
        return counts(self.train.labels, self.class_count)


@dataclass(frozen=True)
class Leak:
    """One image that stands, pixel for pixel, in two parts; each place is told as ``part: name``."""

    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.first} = {self.second}"


@dataclass(frozen=True, kw_only=True)
class DataInfo:
    """A data set in numbers, for a reader and for the run directory."""

    image_shape: tuple[int, int, int]
    """Height and width in pixels, and the number of channels."""
    class_names: tuple[str, ...]
    counts: Mapping[str, tuple[int, ...]]
    """Images a class, in the order of ``class_names``, for each of "train", "validation" and "test"."""
    fingerprint: str
    """That of the `Dataset`."""
    leaks: tuple[Leak, ...]
    """Images that stand in two parts: in train and validation by their pixels, in test by the bytes of their files."""


def counts(labels: LabelArray, class_count: int) -> tuple[int, ...]:
    """How many of ``labels``, int64 (n,), name each class."""
    return tuple(int(count) for count in np.bincount(labels, minlength=class_count))
