"""The two doors to the data: `load` for the search, `load_test` for the final score alone."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from spaces.config.trial import Data, TfdsData
from trainables.data import store
from trainables.data.entry import Entry
from trainables.data.key import key_of, stamp_of
from trainables.data.leaks import leaks_between, places_of
from trainables.data.resplit import divided_anew, overlap
from trainables.data.split import Selection, Selections, divide
from trainables.data.statistics import SEARCHED, divided_by, gather
from trainables.dataset import AnyImages, DataInfo, Dataset, Images, Leak, StreamedImages, chunks, fits_in_memory
from trainables.sources.csv import csv_parts
from trainables.sources.digits import digits_parts
from trainables.sources.folder import folder_parts
from trainables.sources.location import Stamp
from trainables.sources.npz import npz_parts
from trainables.sources.part import Parts, digests, problem, refusal
from trainables.sources.tfds import tfds_parts

SOURCES: dict[str, Callable[[Any], Parts]] = {
    "digits": digits_parts,
    "npz": npz_parts,
    "folder": folder_parts,
    "csv": csv_parts,
    "tfds": tfds_parts,
}
"""``data.source`` → the function from its settings to the parts that it brings."""

RETRY_S = 3600.0
"""After so long it is tried again to store a set for which the disk was too small."""

logger = logging.getLogger(__name__)


def load(data: Data, *, anew: int | None = None) -> Dataset:
    """Train and validation of a data set, as uint8 pixels; the test part is not decoded.

    ``anew`` is a seed that divides the two in another way than the settings do (see `trainables.data.resplit`), in the
    memory of this process.

    The pixels are decoded once a machine, by one process while others wait, and mapped from then on, until a file of
    the set or a setting changes. A set that is larger than the store may be is decoded whenever it is read.

    Raises:
        InputError: the data is missing, damaged or not as its settings say; or a class is too small to be divided.
    """
    at = stamp_of(data)
    return opened(data, at).dataset if anew is None else opened_anew(data, at, anew)


def fresh_overlap(data: Data) -> float:
    """Validation images a training image where `load` can divide the two anew; 0 where the data set brings its parts.

    Raises:
        InputError: as for `load`.
    """
    return overlap(opened(data, stamp_of(data)).entry.facts)


def load_test(data: Data) -> AnyImages:
    """The test part of a data set: for the final score, never for a choice.

    Raises:
        InputError: as for `load`.
    """
    return opened_test(data, stamp_of(data))


def describe(data: Data) -> DataInfo:
    """The data set in numbers. Of the test part the labels are counted and copies of other parts looked for.

    Raises:
        InputError: as for `load`.
    """
    facts = opened(data, stamp_of(data)).entry.facts
    return DataInfo(
        image_shape=facts.image_shape,
        class_names=facts.class_names,
        counts=facts.counts,
        fingerprint=facts.fingerprint,
        leaks=facts.leaks,
    )


def leaked_test_images(data: Data) -> tuple[Leak, ...]:
    """Test images that stand, pixel for pixel, in train or validation too. Reads the test part, as `load_test` does.

    Raises:
        InputError: as for `load`.
    """
    test, facts = load_test(data), opened(data, stamp_of(data)).entry.facts
    divided = divided_by(facts, SOURCES[data.source](data))
    learned, chosen = (
        places_of(part, selection, (row.tobytes() for row in facts.digests[part]))
        for part, selection in divided.searched.items()
    )
    everything = chunks(np.arange(len(test), dtype=np.int64), test.image_shape)
    found = places_of("test", divided.test, (each for chunk in everything for each in digests(test.read(chunk))))
    return leaks_between(chosen | learned, found)


@dataclass(frozen=True, eq=False)
class Opened:
    """A data set, and all that is known of it."""

    dataset: Dataset
    entry: Entry


@lru_cache(maxsize=1)
def opened(data: Data, at: Stamp) -> Opened:
    """Train and validation, mapped or ready to be decoded; the stamp is there for the cache."""
    entry = entry_of(data, at)
    facts, pixels = entry.facts, entry.pixels
    parts: Sequence[AnyImages]
    if pixels is not None:
        parts = [Images(pixels[part], facts.labels[part], counted=facts.levels[part]) for part in SEARCHED]
    else:
        parts = unstored(data, entry)
    return Opened(Dataset(parts[0], parts[1], facts.class_names, facts.fingerprint), entry)


@lru_cache(maxsize=1)
def opened_anew(data: Data, at: Stamp, seed: int) -> Dataset:
    """Train and validation, divided by another seed than that of the settings."""
    found = opened(data, at)
    return divided_anew(found.dataset, found.entry.facts, seed=seed)


@lru_cache(maxsize=1)
def opened_test(data: Data, at: Stamp) -> AnyImages:
    """The test part, read into the memory of this process alone: it is read once, for the final score."""
    test = kept_for_test(data, at)
    if test.part.no_streaming or fits_in_memory(len(test) * math.prod(test.part.image_shape)):
        return Images(test.read(), test.labels)
    for _ in test.pieces():  # bad images are told before anything rests on the others
        continue
    return StreamedImages(test.labels, test.part.image_shape, test.read_some)


def kept_for_test(data: Data, at: Stamp | None = None) -> Selection:
    """Which images the test part has, and what a person calls each; no pixel of them is read.

    Raises:
        InputError: as for `load`.
    """
    parts, found = SOURCES[data.source](data), store.find(key_of(data, at or stamp_of(data)))
    return (divided_by(found.facts, parts) if found else divide(parts, data, called(data))).test


def entry_of(data: Data, at: Stamp) -> Entry:
    """What the store has of a data set; where it has nothing yet, one process puts it there and the others wait."""
    key = key_of(data, at)
    found = store.find(key)
    if found is not None and not outgrown(found):
        return found
    try:
        with store.building(key, called(data)):
            # Meanwhile another process may have built it, under another key where it downloaded the files first.
            found = store.find(key_of(data, stamp_of(data)))
            return found if found is not None and not outgrown(found) else built(data, key)
    except store.UnusableError as error:
        logger.warning("The data cache %s cannot be used: %s", store.root(), error)
        parts = SOURCES[data.source](data)
        divided = divide(parts, data, called(data))
        facts = gather(divided, parts.class_names, keep=lambda part, pixels: None, called=called(data))
        return Entry(facts=facts, shortage="disk")


def built(data: Data, key: str) -> Entry:
    """Decodes train and validation into the store, or only looks at every image of a set that is too large for it.

    Raises:
        InputError: as for `load`; or the set is too large and can only be read as a whole.
        store.UnusableError: the store cannot be written to.
    """
    parts = SOURCES[data.source](data)
    divided = divide(parts, data, called(data))
    if isinstance(data, TfdsData):
        key = key_of(data, stamp_of(data))  # the set may have been downloaded just now
    shapes = {part: (len(selection), *selection.part.image_shape) for part, selection in divided.searched.items()}
    logger.debug("Decoding %s", called(data))
    with store.drafting(key, shapes) as draft:
        if draft.shortage == "limit":
            refuse_what_cannot_stream(data, divided, store.decoded_bytes(shapes))
        facts = gather(divided, parts.class_names, keep=draft.keep, called=called(data))
        try:
            return draft.publish(facts, store.root() / key)
        except OSError:  # the disk is full to the last byte
            return Entry(facts=facts, shortage="disk", made=time.time())


def outgrown(entry: Entry) -> bool:
    """Whether there is room by now for the pixels that an entry lacks."""
    if entry.shortage is None or (entry.shortage == "disk" and time.time() - entry.made < RETRY_S):
        return False
    return store.plan(store.decoded_bytes(entry.facts.shapes))[0] is None


def unstored(data: Data, entry: Entry) -> list[AnyImages]:
    """Train and validation of a set whose pixels are not in the store: in memory, or decoded whenever they are read."""
    facts = entry.facts
    divided = divided_by(facts, SOURCES[data.source](data)).searched
    size = store.decoded_bytes(facts.shapes)
    whole = any(selection.part.no_streaming for selection in divided.values())
    if entry.shortage == "disk" and (whole or fits_in_memory(size)):
        logger.warning("The disk has no room for %s (%s): each process holds it in memory", called(data), told(size))
        return [
            Images(selection.read(), facts.labels[part], counted=facts.levels[part])
            for part, selection in divided.items()
        ]
    why = f"{store.LIMIT} allows no more" if entry.shortage == "limit" else "the disk has no room for it"
    logger.warning("%s takes %s, and %s: its images are decoded anew in every epoch", called(data), told(size), why)
    return [
        StreamedImages(facts.labels[part], facts.image_shape, selection.read_some, counted=facts.levels[part])
        for part, selection in divided.items()
    ]


def refuse_what_cannot_stream(data: Data, divided: Selections, size: int) -> None:
    """Refuses a set that is too large to be stored and can only be read as a whole.

    Raises:
        InputError: it is one.
    """
    remedies = {selection.part.no_streaming for selection in divided.searched.values()} - {None}
    for remedy in remedies:
        rule = "the data set fits into the data cache when it is decoded, or can be read image by image"
        remedy = f"{remedy}; or let the cache be larger, such as {store.LIMIT}={size / 1e9 * 1.1:.2g}"
        raise refusal(called(data), problem(rule, given=told(size), remedy=remedy))


def told(size: int) -> str:
    """Bytes as people say them."""
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def called(data: Data) -> str:
    """What a message calls the data set: where it lies, its own name, or that of its source."""
    return str(getattr(data, "path", getattr(data, "name", data.source)))
