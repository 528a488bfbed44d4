"""The two doors to the data: `load` for the search, `load_test` for the final score alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from spaces.config import Data
from trainables.data.csv import csv_parts
from trainables.data.dataset import DataInfo, Dataset, Images, Leak, counts
from trainables.data.digits import digits_parts
from trainables.data.folder import folder_parts
from trainables.data.leaks import Places, leaks_between, leaks_into_test, places_of
from trainables.data.npz import npz_parts
from trainables.data.parts import Parts
from trainables.data.place import Stamp, stamp
from trainables.data.split import Selection, Selections, divide
from trainables.data.tfds import tfds_parts

SOURCES: dict[str, Callable[[Any], Parts]] = {
    "digits": digits_parts,
    "npz": npz_parts,
    "folder": folder_parts,
    "csv": csv_parts,
    "tfds": tfds_parts,
}
"""``data.source`` → the function from its settings to the parts that it brings."""


def load(data: Data) -> Dataset:
    """Train and validation of a data set, as uint8 pixels; the test part is not decoded.

    Kept in memory for the next trial of the process, until a file changes.

    Raises:
        InputError: the data is missing, damaged or not as its settings say; or a class is too small to be divided.
    """
    return opened(data, stamp(data)).dataset


def load_test(data: Data) -> Images:
    """The test part of a data set: for the final score, never for a choice.

    Raises:
        InputError: as for `load`.
    """
    return opened_test(data, stamp(data)).images


def describe(data: Data) -> DataInfo:
    """The data set in numbers. Of the test part the labels are counted and copies of other parts looked for.

    Raises:
        InputError: as for `load`.
    """
    found = opened(data, stamp(data))
    dataset = found.dataset
    return DataInfo(
        image_shape=dataset.image_shape,
        class_names=dataset.class_names,
        counts=found.counts,
        fingerprint=dataset.fingerprint,
        leaks=found.leaks + leaks_into_test(found.divided),
    )


def leaked_test_images(data: Data) -> tuple[Leak, ...]:
    """Test images that stand, pixel for pixel, in train or validation too. Reads the test part, as `load_test` does.

    Raises:
        InputError: as for `load`.
    """
    return opened_test(data, stamp(data)).leaks


@dataclass(frozen=True, eq=False, kw_only=True)
class Opened:
    """Train and validation, and what was noticed while they were read."""

    dataset: Dataset
    divided: Selections
    counts: dict[str, tuple[int, ...]]
    leaks: tuple[Leak, ...]
    places: Places


@dataclass(frozen=True, eq=False)
class OpenedTest:
    """The test part, and what was noticed while it was read."""

    images: Images
    leaks: tuple[Leak, ...]


@lru_cache(maxsize=1)
def opened(data: Data, _: Stamp) -> Opened:
    """Train and validation, read; the stamp is there for the cache."""
    parts = SOURCES[data.source](data)
    divided = divide(parts, data, called(data))
    train, validation = read_both(divided.train, divided.validation)
    learned = places_of("train", divided.train, train)
    chosen = places_of("validation", divided.validation, validation)
    return Opened(
        dataset=Dataset(train, validation, parts.class_names, fingerprint(train, validation, parts.class_names)),
        divided=divided,
        counts=all_counts(divided, len(parts.class_names)),
        leaks=leaks_between(learned, chosen),
        places=chosen | learned,
    )


@lru_cache(maxsize=1)
def opened_test(data: Data, at: Stamp) -> OpenedTest:
    """The test part, read."""
    parts = SOURCES[data.source](data)
    test = divide(parts, data, called(data)).test
    images = Images(test.read(), test.labels)
    return OpenedTest(images, leaks_between(opened(data, at).places, places_of("test", test, images)))


def called(data: Data) -> str:
    """What a message calls the data set: where it lies, its own name, or that of its source."""
    return str(getattr(data, "path", getattr(data, "name", data.source)))


def read_both(train: Selection, validation: Selection) -> tuple[Images, Images]:
    """Reads a part that holds both only once, so that a file is opened once and bad images are told together."""
    if train.part is not validation.part:
        return Images(train.read(), train.labels), Images(validation.read(), validation.labels)
    both = Selection(train.part, np.concatenate([train.positions, validation.positions]))
    pixels, count = both.read(), len(train.positions)
    return Images(pixels[:count], train.labels), Images(pixels[count:], validation.labels)


def all_counts(divided: Selections, classes: int) -> dict[str, tuple[int, ...]]:
    """Images a class, for each part."""
    return {
        "train": counts(divided.train.labels, classes),
        "validation": counts(divided.validation.labels, classes),
        "test": counts(divided.test.labels, classes),
    }


def fingerprint(train: Images, validation: Images, class_names: Iterable[str]) -> str:
    """Sixteen hexadecimal digits that change with any pixel, label, class name, or the way the images are divided."""
    digest = hashlib.sha256("\0".join(class_names).encode())
    for images in (train, validation):
        digest.update(str(images.images.shape).encode())
        digest.update(np.ascontiguousarray(images.images).data)
        digest.update(np.ascontiguousarray(images.labels, dtype="<i8").data)
    return digest.hexdigest()[:16]
