"""The entry points to the data: `load` for the search, `load_test` for the final score only."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from spaces.config.trial import Data, TfdsData
from trainables.data import store
from trainables.data.entry import DataEntry
from trainables.data.key import key_of, stamp_of
from trainables.data.leaks import leaks_between, places_of
from trainables.data.resplit import overlap, resplit
from trainables.data.split import DataSplit, Selection
from trainables.data.statistics import SEARCHED, DatasetStatistics, Keep, gather, restore_split
from trainables.data.unreadable import DividedData, all_named, check_readable, divide
from trainables.dataset import AnyImages, DataInfo, Dataset, Images, Leak, StreamedImages, chunks, fits_in_memory
from trainables.sources.csv import csv_parts
from trainables.sources.digits import digits_parts
from trainables.sources.folder import folder_parts
from trainables.sources.location import Stamp
from trainables.sources.npz import npz_parts
from trainables.sources.part import Parts, digests, input_error, problem
from trainables.sources.tfds import tfds_parts

SOURCES: dict[str, Callable[[Any], Parts]] = {
    "digits": digits_parts,
    "npz": npz_parts,
    "folder": folder_parts,
    "csv": csv_parts,
    "tfds": tfds_parts,
}
"""``data.source`` → the function from its settings to the parts that it provides."""

RETRY_S = 3600.0
"""After this time, storing a data set for which the disk was too full is tried again."""

logger = logging.getLogger(__name__)


def load(data: Data, *, resplit_seed: int | None = None) -> Dataset:
    """Load train and validation of a data set, as uint8 pixels; the test part is not decoded.

    ``resplit_seed`` splits the two in another way than the settings do (see `trainables.data.resplit`), in the memory
    of this process.

    The pixels are decoded once per machine, by one process while others wait, and memory-mapped from then on, until a
    file of the data set or a setting changes. If they exceed the limit of the store, they are decoded on each read.

    Raises:
        InputError: the data is missing, damaged or not as its settings say; or a class is too small to be split.
    """
    at = stamp_of(data)
    return load_entry(data, at).dataset if resplit_seed is None else load_resplit(data, at, resplit_seed)


def fresh_overlap(data: Data) -> float:
    """Return the ratio of validation to training images if `load` can split them again, else 0.

    Raises:
        InputError: as for `load`.
    """
    return overlap(load_entry(data, stamp_of(data)).entry.statistics)


def load_test(data: Data) -> AnyImages:
    """Load the test part of a data set: for the final score, never for a decision.

    Raises:
        InputError: as for `load`.
    """
    return load_test_part(data, stamp_of(data))


def describe(data: Data) -> DataInfo:
    """Return the data set in numbers. Of the test part, only labels are counted and copies of other parts detected.

    Raises:
        InputError: as for `load`.
    """
    statistics = load_entry(data, stamp_of(data)).entry.statistics
    return DataInfo(
        image_shape=statistics.image_shape,
        class_names=statistics.class_names,
        counts=statistics.counts,
        fingerprint=statistics.fingerprint,
        leaks=statistics.leaks,
        skipped=tuple(str(each) for each in statistics.skipped),
    )


def leaked_test_images(data: Data) -> tuple[Leak, ...]:
    """Return test images that are, pixel for pixel, in train or validation too. Reads the test part, like `load_test`.

    Raises:
        InputError: as for `load`.
    """
    test, statistics = load_test(data), load_entry(data, stamp_of(data)).entry.statistics
    divided = restore_split(statistics, SOURCES[data.source](data))
    learned, chosen = (
        places_of(part, selection, (row.tobytes() for row in statistics.digests[part]))
        for part, selection in divided.searched.items()
    )
    everything = chunks(np.arange(len(test), dtype=np.int64), test.image_shape)
    found = places_of("test", divided.test, (each for chunk in everything for each in digests(test.read(chunk))))
    return leaks_between(chosen | learned, found)


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
    """Return which images the test part has, and their names, without reading any pixels.

    Raises:
        InputError: as for `load`.
    """
    found = store.find(key_of(data, at or stamp_of(data)))
    return restore_split(found.statistics, SOURCES[data.source](data)).test if found else divided(data).split.test


def find_or_build(data: Data, at: Stamp) -> DataEntry:
    """Return the entry of a data set; if there is none yet, one process builds it and the others wait."""
    key = key_of(data, at)
    found = store.find(key)
    if found is not None and not can_store_now(found):
        return found
    try:
        with store.build_lock(key, data_name(data)):
            # Meanwhile another process may have built it, under another key if it downloaded the files first.
            found = store.find(key_of(data, stamp_of(data)))
            return found if found is not None and not can_store_now(found) else build_entry(data, key)
    except store.UnusableError as error:
        logger.warning("The data cache %s is not usable: %s", store.root(), error)
        return DataEntry(statistics=examine(data, divided(data), keep=lambda part, pixels: None), shortage="disk")


def divided(data: Data) -> DividedData:
    """Return a data set divided by its settings; raises as `load` does."""
    return divide(data, SOURCES[data.source](data), data_name(data))


def examine(data: Data, found: DividedData, *, keep: Keep) -> DatasetStatistics:
    """Read every image once; the pixels of train and validation go to ``keep``, those of the test part nowhere.

    Raises:
        InputError: images cannot be read; those of all parts are reported together.
    """
    name = data_name(data)
    with all_named(found.provided, name):
        statistics = gather(found.split, found.provided.class_names, keep=keep, name=name)
        check_readable(found.split.test)
    return replace(statistics, skipped=found.skipped)


def build_entry(data: Data, key: str) -> DataEntry:
    """Decode train and validation into the store, or only examine every image if the data set is too large for it.

    Raises:
        InputError: as for `load`; or the data set is too large and can only be read as a whole.
        store.UnusableError: the store cannot be written to.
    """
    found = divided(data)
    if isinstance(data, TfdsData):
        key = key_of(data, stamp_of(data))  # the set may have been downloaded just now
    searched = found.split.searched.items()
    shapes = {part: (len(selection), *selection.part.image_shape) for part, selection in searched}
    logger.debug("Decoding %s", data_name(data))
    with store.write_entry(key, shapes) as draft:
        if draft.shortage == "limit":
            check_streamable(data, found.split, store.decoded_bytes(shapes))
        statistics = examine(data, found, keep=draft.keep)
        try:
            return draft.publish(statistics, store.root() / key)
        except OSError:  # the disk is full to the last byte
            return DataEntry(statistics=statistics, shortage="disk", made=time.time())


def can_store_now(entry: DataEntry) -> bool:
    """Whether there is now space for the pixels that an entry lacks."""
    if entry.shortage is None or (entry.shortage == "disk" and time.time() - entry.made < RETRY_S):
        return False
    return store.plan_eviction(store.decoded_bytes(entry.statistics.shapes))[0] is None


def load_unstored(data: Data, entry: DataEntry) -> list[AnyImages]:
    """Load train and validation of a data set that is not in the store: into memory, or decoded on each read."""
    statistics = entry.statistics
    divided = restore_split(statistics, SOURCES[data.source](data)).searched
    size = store.decoded_bytes(statistics.shapes)
    whole = any(selection.part.no_streaming for selection in divided.values())
    if entry.shortage == "disk" and (whole or fits_in_memory(size)):
        logger.warning(
            "The disk has no space for %s (%s): each process will hold it in memory", data_name(data), format_size(size)
        )
        return [
            Images(selection.read(), statistics.labels[part], counted=statistics.levels[part])
            for part, selection in divided.items()
        ]
    why = f"exceeds {store.LIMIT}" if entry.shortage == "limit" else "does not fit on the disk"
    logger.warning(
        "%s takes %s, which %s: its images will be decoded again in every epoch",
        data_name(data),
        format_size(size),
        why,
    )
    return [
        StreamedImages(
            statistics.labels[part], statistics.image_shape, selection.read_some, counted=statistics.levels[part]
        )
        for part, selection in divided.items()
    ]


def check_streamable(data: Data, divided: DataSplit, size: int) -> None:
    """Reject a data set that is too large to be stored and can only be read as a whole.

    Raises:
        InputError: it is one.
    """
    remedies = {selection.part.no_streaming for selection in divided.searched.values()} - {None}
    for remedy in remedies:
        rule = "a decoded data set must fit into the data cache, unless it can be read image by image"
        remedy = f"{remedy}; or allow a larger cache: {store.LIMIT}={size / 1e9 * 1.1:.2g}"
        raise input_error(data_name(data), problem(rule, given=format_size(size), remedy=remedy))


def format_size(size: int) -> str:
    """Format a number of bytes."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def data_name(data: Data) -> str:
    """Return the name of a data set for messages: its path, its own name, or that of its source."""
    return str(getattr(data, "path", getattr(data, "name", data.source)))
