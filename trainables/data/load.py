"""The entry points to the data: `load` for the search, `load_test` for the final score only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spaces.config.trial import CsvData, Data, FolderData
from trainables.data import store
from trainables.data.build import SOURCES, divide, find_or_build, load_unstored, provided_parts, settled
from trainables.data.copies import SMALLEST_PX, Marks, as_array
from trainables.data.entry import DataEntry
from trainables.data.key import key_of, stamp_of
from trainables.data.leaks import MarkedPart, leaks_between, marked
from trainables.data.resplit import identical, overlap, resplit
from trainables.data.split import Selection
from trainables.data.statistics import SEARCHED, restore_split
from trainables.dataset import (
    AnyImages,
    DataInfo,
    Dataset,
    Images,
    Leak,
    PixelArray,
    PositionArray,
    StreamedImages,
    chunks,
    fits_in_memory,
)
from trainables.sources.location import Stamp
from trainables.sources.part import digests


def load(data: Data, *, resplit_seed: int | None = None) -> Dataset:
    """Load train and validation of a data set, as uint8 pixels; the test part is not decoded.

    ``resplit_seed`` splits the two in another way than the settings do (see `trainables.data.resplit`), in the memory
    of this process.

    The pixels are decoded once per machine, by one process while others wait, and memory-mapped from then on, until a
    file of the data set or a setting changes. If they exceed the limit of the store, they are decoded on each read.

    Raises:
        InputError: the data is missing, damaged or not as its settings say; or a class is too small to be split.
    """
    data, at = settled(data), stamp_of(data)
    return load_entry(data, at).dataset if resplit_seed is None else load_resplit(data, at, resplit_seed)


def fresh_overlap(data: Data) -> float:
    """Return the ratio of validation to training images if `load` can split them again, else 0.

    Raises:
        InputError: as for `load`.
    """
    return overlap(entry_of(data).statistics)


def copies(data: Data) -> PositionArray:
    """For each image of train, then validation, return the position of the first one that it is a copy of, int64 (n,).

    Raises:
        InputError: as for `load`.
    """
    data = settled(data)
    found = identical(entry_of(data).statistics)
    return found if data.copies == "pixels" else np.arange(len(found), dtype=np.int64)


def load_test(data: Data) -> AnyImages:
    """Load the test part of a data set: for the final score, never for a decision.

    Raises:
        InputError: as for `load`.
    """
    return load_test_part(settled(data), stamp_of(data))


def describe(data: Data) -> DataInfo:
    """Return the data set in numbers. Of the test part, only labels are counted and copies of other parts detected.

    Raises:
        InputError: as for `load`.
    """
    known = settled(data)  # once: for a set that is not stored yet, its files are listed for it
    chosen, statistics = known.copies, entry_of(known).statistics
    looked = data.near_copies and chosen == "pixels" and min(statistics.image_shape[:2]) >= SMALLEST_PX
    return DataInfo(
        image_shape=statistics.image_shape,
        class_names=statistics.class_names,
        counts=statistics.counts,
        fingerprint=statistics.fingerprint,
        leaks=statistics.leaks,
        near_copies=statistics.near_copies if looked else None,
        two_labels=statistics.two_labels,
        compared="pixels" if chosen == "pixels" else "bytes",
        streamed=chosen != data.copies and chosen == "bytes",
        skipped=tuple(str(each) for each in statistics.skipped),
    )


def notes_about(data: Data) -> tuple[str, ...]:
    """Return what will train, but probably not as intended, as far as names of files and columns tell.

    Raises:
        InputError: as for `load`.
    """
    return SOURCES[data.source](data).notes if isinstance(data, (FolderData, CsvData)) else ()


def leaked_test_images(data: Data) -> tuple[Leak, ...]:
    """Return test images that are, pixel for pixel, in train or validation too.

    Reads the test part, like `load_test`, unless it was compared by pixels when the data were divided.

    Raises:
        InputError: as for `load`.
    """
    data, statistics = settled(data), entry_of(data).statistics
    if data.copies == "pixels":
        return tuple(leak for leak in statistics.leaks if leak.second.startswith("test: "))
    divided = restore_split(statistics, provided_parts(data))
    nothing = np.zeros((0, 0, 0), np.uint8)
    known = marked(divided.all, {part: Marks(statistics.digests[part], nothing) for part in SEARCHED})
    found = [each for piece in pieces(load_test(data)) for each in digests(piece)]
    return leaks_between(list(known.values()), MarkedPart("test", divided.test, Marks(as_array(found), nothing)))


def pieces(images: AnyImages) -> Iterator[PixelArray]:
    """Yield the pixels of a part, a moderate number of images at a time."""
    everything = np.arange(len(images), dtype=np.int64)
    return (images.read(chunk) for chunk in chunks(everything, images.image_shape))


def entry_of(data: Data) -> DataEntry:
    """Return what the store has of a data set, built if need be.

    Raises:
        InputError: as for `load`.
    """
    return load_entry(settled(data), stamp_of(data)).entry


@dataclass(frozen=True, eq=False)
class LoadedDataset:
    """A data set, and its entry in the store."""

    dataset: Dataset
    entry: DataEntry


@lru_cache(maxsize=1)
def load_entry(data: Data, at: Stamp) -> LoadedDataset:
    """Load train and validation, memory-mapped or ready to be decoded; the stamp is part of the cache's key."""
    entry = find_or_build(data, at)
    statistics, pixels = entry.statistics, entry.pixels
    parts: Sequence[AnyImages]
    if pixels is not None:
        parts = [Images(pixels[part], statistics.labels[part], counted=statistics.levels[part]) for part in SEARCHED]
    else:
        parts = load_unstored(data, entry)
    return LoadedDataset(Dataset(parts[0], parts[1], statistics.class_names, statistics.fingerprint), entry)


@lru_cache(maxsize=1)
def load_resplit(data: Data, at: Stamp, seed: int) -> Dataset:
    """Load train and validation, split by another seed than that of the settings."""
    found = load_entry(data, at)
    return resplit(found.dataset, found.entry.statistics, seed=seed)


@lru_cache(maxsize=1)
def load_test_part(data: Data, at: Stamp) -> AnyImages:
    """Load the test part into the memory of this process alone, because it is read once, for the final score."""
    test = select_test_images(data, at)
    if test.part.no_streaming or fits_in_memory(len(test) * math.prod(test.part.image_shape)):
        return Images(test.read(), test.labels)
    for _ in test.pieces():  # report bad images before anything depends on the others
        continue
    return StreamedImages(test.labels, test.part.image_shape, test.read_some)


def select_test_images(data: Data, at: Stamp | None = None) -> Selection:
    """Return which images the test part has, and their names.

    Raises:
        InputError: as for `load`.
    """
    data = settled(data)
    found = store.find(key_of(data, at or stamp_of(data)))
    if found is None and data.copies == "pixels":  # only who has seen all pixels can divide
        found = entry_of(data)
    return (restore_split(found.statistics, provided_parts(data)) if found else divide(data, spool=False).split).test
