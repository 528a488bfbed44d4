"""A data set that is not in the store yet: read from its source, divided, and decoded into the store if it fits."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from spaces.config.trial import Data, TfdsData
from trainables.data import store
from trainables.data.copies import Marks, examine_parts
from trainables.data.entry import META, DataEntry
from trainables.data.key import key_of, stamp_of
from trainables.data.split import DataSplit, split_parts
from trainables.data.statistics import DatasetStatistics, Keep, gather, restore_split
from trainables.data.unreadable import UnreadableImage, all_named, check_readable, is_skipping, skip_unreadable
from trainables.dataset import AnyImages, Images, StreamedImages, fits_in_memory
from trainables.sources.csv import csv_parts
from trainables.sources.digits import digits_parts
from trainables.sources.folder import folder_parts
from trainables.sources.location import Stamp
from trainables.sources.npz import npz_parts
from trainables.sources.part import Part, Parts, check_class_names, input_error, problem
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


def provided_parts(data: Data) -> Parts:
    """Return the parts of a data set as its source provides them.

    Raises:
        InputError: the data is missing, damaged or not as its settings say; or class names are too similar.
    """
    parts = SOURCES[data.source](data)
    if not data.distinct_names:
        field = next(each for each in ("labels", "path", "name", "source") if hasattr(data, each))
        check_class_names(parts, str(getattr(data, field)), where=("trial", "data", field))
    return parts


def settled(data: Data) -> Data:
    """Return the data with ``copies: auto`` replaced: pixels, or bytes if the set is decoded again in every epoch.

    Do it once where several steps must agree: a disk may fill up between them.

    Raises:
        InputError: as for `provided_parts`.
    """
    if data.copies != "auto":
        return data
    pixels, by_bytes = (data.model_copy(update={"copies": each}) for each in ("pixels", "bytes"))
    is_stored = (store.root() / key_of(data, stamp_of(data)) / META).exists()
    return pixels if is_stored or not will_stream(data) else by_bytes


def will_stream(data: Data) -> bool:
    """Whether train and validation are too large for the store, and also for memory if it is the disk that is full."""
    parts = provided_parts(data)
    searched = [part for part in (parts.train, parts.validation) if part is not None]
    size = sum(len(part) * math.prod(part.image_shape) for part in searched)
    size -= round(size * data.test) if parts.test is None else 0
    shortage = store.shortage_for(size)
    return shortage == "limit" or (shortage == "disk" and not held_in_memory(parts, size))


def held_in_memory(parts: Parts, size: int) -> bool:
    """Whether a set for which the disk has no space is held in the memory of each process, rather than streamed."""
    return any(part.no_streaming for part in (parts.train, parts.validation) if part) or fits_in_memory(size)


def find_or_build(data: Data, at: Stamp) -> DataEntry:
    """Return the entry of a data set; if there is none yet, one process builds it and the others wait.

    Raises:
        InputError: as for `trainables.data.load.load`.
    """
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
        statistics = gather_all(data, divide(data, spool=False), keep=lambda part, pixels: None)
        return DataEntry(statistics=statistics, shortage="disk")


def build_entry(data: Data, key: str) -> DataEntry:
    """Decode train and validation into the store, or only examine every image if the data set is too large for it.

    Raises:
        InputError: as for `trainables.data.load.load`; or the set is too large and can only be read as a whole.
        store.UnusableError: the store cannot be written to.
    """
    logger.debug("Decoding %s", data_name(data))
    found = divide(data, spool=True)
    if isinstance(data, TfdsData):
        key = key_of(data, stamp_of(data))  # the set may have been downloaded just now
    shapes = {part: (len(selection), *selection.part.image_shape) for part, selection in found.split.searched.items()}
    with store.write_entry(key, shapes) as draft:
        if draft.shortage == "limit":
            check_streamable(data, found.split, store.decoded_bytes(shapes))
        statistics = gather_all(data, found, keep=draft.keep)
        try:
            return draft.publish(statistics, store.root() / key)
        except OSError:  # the disk is full to the last byte
            return DataEntry(statistics=statistics, shortage="disk", made=time.time())


@dataclass(frozen=True, eq=False, kw_only=True)
class DividedData:
    """A data set, divided, without the images that are skipped."""

    provided: Parts
    """With these images."""
    split: DataSplit
    skipped: tuple[UnreadableImage, ...]
    examined: dict[Part, Marks] | None
    """The marks of the parts that were decoded to divide them; None if copies are told by the bytes of their files."""


def divide(data: Data, *, spool: bool) -> DividedData:
    """Divide a data set into train, validation and test, without its unreadable images if the settings say so.

    With ``spool`` what was decoded for it is kept in a nameless file on the disk of the store, if there is space.

    Raises:
        InputError: as for `trainables.data.load.load`.
    """
    provided, name, examined = provided_parts(data), data_name(data), None
    left, skipped = skip_unreadable(provided, name) if is_skipping(data) else (provided, ())
    with all_named(provided, name):
        if data.copies == "pixels":
            size = len(left.train) * math.prod(left.train.image_shape)
            # Once more as much is needed, for what comes of it, before the file goes.
            folder = store.root() if spool and store.shortage_for(2 * size) is None else None
            left, examined = examine_parts(left, name=name, spool_folder=folder)
        split = split_parts(left, data, name)
    return DividedData(provided=provided, split=split, skipped=skipped, examined=examined)


def gather_all(data: Data, found: DividedData, *, keep: Keep) -> DatasetStatistics:
    """Read every image once; the pixels of train and validation go to ``keep``, those of the test part nowhere.

    Raises:
        InputError: images cannot be read; those of all parts are reported together.
    """
    name = data_name(data)
    with all_named(found.provided, name):
        statistics = gather(found.split, found.provided.class_names, keep=keep, name=name, examined=found.examined)
        if found.split.test.part not in (found.examined or {}):
            check_readable(found.split.test)
    return replace(statistics, skipped=found.skipped)


def can_store_now(entry: DataEntry) -> bool:
    """Whether there is now space for the pixels that an entry lacks."""
    if entry.shortage is None or (entry.shortage == "disk" and time.time() - entry.made < RETRY_S):
        return False
    return store.plan_eviction(store.decoded_bytes(entry.statistics.shapes))[0] is None


def load_unstored(data: Data, entry: DataEntry) -> list[AnyImages]:
    """Load train and validation of a data set that is not in the store: into memory, or decoded on each read."""
    statistics = entry.statistics
    parts, size = provided_parts(data), store.decoded_bytes(statistics.shapes)
    divided = restore_split(statistics, parts).searched
    if entry.shortage == "disk" and held_in_memory(parts, size):
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
