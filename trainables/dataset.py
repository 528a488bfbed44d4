"""The data of a trial: images with their labels, in a training and a validation part."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spaces.container import total_memory_bytes

PixelArray = NDArray[np.uint8]
"""Pixels, 0–255, of shape (n, height, width, channels) — or (height, width, channels) for one image."""

LabelArray = NDArray[np.int64]
"""One class per image, counted from 0, of shape (n,)."""

PositionArray = NDArray[np.int64]
"""Positions of some images in a part, of shape (m,)."""

LevelArray = NDArray[np.int64]
"""How often each level 0–255 occurs in each channel, of shape (channels, 256)."""

CHUNK_BYTES = 16_000_000
"""A large data set is read in pieces of this many decoded bytes."""
MEMORY_SHARE = 0.25
"""The share of this machine's memory that one process may use for pixels that are not mapped."""


@dataclass(frozen=True, eq=False)
class Images:
    """Images and their labels, read-only; the pixels are in memory, or mapped from a file that processes share.

    Shapes: ``images`` uint8 (n, height, width, channels) with one or three channels, ``labels`` int64 (n,).

    Raises:
        ValueError: the arrays have other shapes or types.
    """

    images: PixelArray
    labels: LabelArray
    _: KW_ONLY
    counted: LevelArray | None = None
    """Its levels, if already known."""

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim != 4 or self.images.shape[-1] not in (1, 3):
            given = f"{self.images.dtype} {self.images.shape}"
            raise ValueError(f"images must be uint8 (n, height, width, 1 or 3); got {given}")
        if self.labels.dtype != np.int64 or self.labels.shape != self.images.shape[:1]:
            given = f"{self.labels.dtype} {self.labels.shape} for {len(self.images)} images"
            raise ValueError(f"labels must be int64, one per image; got {given}")
        self.images.flags.writeable = False
        self.labels.flags.writeable = False

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height and width in pixels, and the number of channels."""
        _, height, width, channels = self.images.shape
        return height, width, channels

    @cached_property
    def levels(self) -> LevelArray:
        """How often each level occurs in each channel, int64 (channels, 256)."""
        return self.counted if self.counted is not None else all_levels(self)

    def read(self, positions: PositionArray) -> PixelArray:
        """Return a copy of the pixels of some images, uint8 (m, height, width, channels)."""
        return self.images[positions]


@dataclass(frozen=True, eq=False)
class StreamedImages:
    """Images of a data set too large to be kept decoded: they are decoded whenever they are read.

    Labels are int64 (n,); ``source`` maps positions, int64 (m,), to pixels, uint8 (m, height, width, channels);
    several threads may call it at once.
    """

    labels: LabelArray
    image_shape: tuple[int, int, int]
    """Height and width in pixels, and the number of channels."""
    source: Callable[[PositionArray], PixelArray]
    _: KW_ONLY
    counted: LevelArray | None = None
    """Its levels, if already known."""

    def __post_init__(self) -> None:
        self.labels.flags.writeable = False

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def levels(self) -> LevelArray:
        """How often each level occurs in each channel, int64 (channels, 256)."""
        return self.counted if self.counted is not None else all_levels(self)

    def read(self, positions: PositionArray) -> PixelArray:
        """Decode the pixels of some images, uint8 (m, height, width, channels).

        Raises:
            InputError: they can no longer be read.
        """
        return self.source(positions)


@dataclass(frozen=True, eq=False)
class StoredFeatures:
    """The output of a frozen network for images, in their place: floating (n, …) and int64 (n,)."""

    values: NDArray[np.floating]
    labels: LabelArray

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, positions: PositionArray) -> NDArray[np.floating]:
        """Return a copy of the features at some positions."""
        return self.values[positions]


AnyImages = Images | StreamedImages
"""One part of a data set, wherever its pixels are."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """The part of a data set that a search sees; the test part is not in it."""

    train: AnyImages
    validation: AnyImages
    class_names: tuple[str, ...]
    fingerprint: str
    """Sixteen hexadecimal digits of the SHA-256 of pixels, labels and class names of both parts, without paths."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height and width in pixels, and the number of channels."""
        return self.train.image_shape

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def class_counts(self) -> tuple[int, ...]:
        """Training images per class, in the order of ``class_names``."""
        return counts(self.train.labels, self.class_count)


@dataclass(frozen=True)
class Leak:
    """One image that is, pixel for pixel, in two parts; each place has the form ``part: name``."""

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
    """Images per class, in the order of ``class_names``, for each of "train", "validation" and "test"."""
    fingerprint: str
    """The fingerprint of the `Dataset`."""
    leaks: tuple[Leak, ...]
    """Images of validation and test that are also in an earlier part."""
    near_copies: tuple[Leak, ...] | None = None
    """Images of validation and test that look like one in an earlier part; None if they were not looked for."""
    two_labels: tuple[Leak, ...] = ()
    """Images that stand under two labels."""
    compared: Literal["pixels", "bytes"] = "pixels"
    """What makes two images copies."""
    streamed: bool = False
    """Whether bytes are compared only because the set is decoded again in every epoch."""
    skipped: tuple[str, ...] = ()
    """Images that are left out because they cannot be read, each with the reason."""


def counts(labels: LabelArray, class_count: int) -> tuple[int, ...]:
    """Count how many of ``labels``, int64 (n,), belong to each class."""
    return tuple(int(count) for count in np.bincount(labels, minlength=class_count))


def chunks(positions: PositionArray, image_shape: tuple[int, int, int]) -> Iterator[PositionArray]:
    """Divide positions into pieces of `CHUNK_BYTES`, with at least eight images each, for the decoding threads."""
    height, width, channels = image_shape
    size = max(8, CHUNK_BYTES // (height * width * channels))
    return (positions[start : start + size] for start in range(0, len(positions), size))


def all_levels(images: AnyImages) -> LevelArray:
    """Count the levels of a part, read piece by piece."""
    levels = np.zeros((images.image_shape[-1], 256), np.int64)
    for positions in chunks(np.arange(len(images), dtype=np.int64), images.image_shape):
        levels += count_levels(images.read(positions))
    return levels


def count_levels(pixels: PixelArray) -> LevelArray:
    """Count how often each level occurs in each channel of uint8 (n, height, width, channels)."""
    counts = np.zeros((pixels.shape[-1], 256), np.int64)
    for start in range(0, len(pixels), 128):  # counting copies to int64, eight times the size
        for channel, count in enumerate(counts):
            count += np.bincount(pixels[start : start + 128, ..., channel].ravel(), minlength=256)
    return counts


def concatenate(first: AnyImages, second: AnyImages) -> AnyImages:
    """Join two parts: a copy in memory if it fits there, otherwise read from where each is."""
    labels, levels = np.concatenate([first.labels, second.labels]), first.levels + second.levels
    size = len(labels) * math.prod(first.image_shape)
    if isinstance(first, Images) and isinstance(second, Images) and fits_in_memory(size):
        return Images(np.concatenate([first.images, second.images]), labels, counted=levels)

    def source(positions: PositionArray) -> PixelArray:
        pixels, in_first = np.empty((len(positions), *first.image_shape), np.uint8), positions < len(first)
        pixels[in_first] = first.read(positions[in_first])
        pixels[~in_first] = second.read(positions[~in_first] - len(first))
        return pixels

    return StreamedImages(labels, first.image_shape, source, counted=levels)


def select(images: AnyImages, positions: PositionArray) -> AnyImages:
    """Return some images of a part, in this order."""
    labels = images.labels[positions]
    if isinstance(images, Images):
        return Images(images.read(positions), labels)
    return StreamedImages(labels, images.image_shape, lambda those: images.read(positions[those]))


def fits_in_memory(size: int) -> bool:
    """Whether one process may hold so many bytes of pixels in its memory."""
    return size <= MEMORY_SHARE * total_memory_bytes()
