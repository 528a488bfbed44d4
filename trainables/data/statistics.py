"""What one pass over a data set determines, except the pixels themselves."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainables.data.leaks import leaks_between, leaks_into_test, places_of
from trainables.data.split import DataSplit, Selection
from trainables.data.unreadable import UnreadableImage, without
from trainables.dataset import LabelArray, Leak, LevelArray, PixelArray, PositionArray, count_levels, counts
from trainables.sources.part import Parts, UnreadableError, digests

PARTS = ("train", "validation", "test")
SEARCHED = ("train", "validation")
"""The parts that a search sees: their pixels are read."""
DIGEST_BYTES = 16
PROGRESS_EVERY_S = 10.0

Keep = Callable[[str, PixelArray], None]
"""Receives the next pixels of a part."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, kw_only=True)
class DatasetStatistics:
    """A data set without its pixels. Arrays and levels are by part: labels and positions for all three."""

    image_shape: tuple[int, int, int]
    """Height and width in pixels, and the number of channels."""
    class_names: tuple[str, ...]
    fingerprint: str
    """The fingerprint of the `Dataset`."""
    leaks: tuple[Leak, ...]
    labels: Mapping[str, LabelArray]
    positions: Mapping[str, PositionArray]
    """The positions of the images in the source's part."""
    levels: Mapping[str, LevelArray]
    digests: Mapping[str, NDArray[np.uint8]]
    """Digests of the pixels of each image, uint8 (n, 16)."""
    skipped: tuple[UnreadableImage, ...] = ()
    """Images of the source that cannot be read; ``positions`` count without them."""

    @property
    def counts(self) -> dict[str, tuple[int, ...]]:
        """Images per class, for each part."""
        return {part: counts(labels, len(self.class_names)) for part, labels in self.labels.items()}

    @property
    def shapes(self) -> dict[str, tuple[int, int, int, int]]:
        """Shapes of the pixels of the parts that a search sees."""
        return {part: (len(self.labels[part]), *self.image_shape) for part in SEARCHED}


def gather(divided: DataSplit, class_names: tuple[str, ...], *, keep: Keep, name: str) -> DatasetStatistics:
    """Read every image of train and validation once, piece by piece, and pass the pixels to ``keep``.

    Raises:
        InputError: images cannot be read; those of a part are reported together.
    """
    image_shape = divided.train.part.image_shape
    levels = {part: np.zeros((image_shape[-1], 256), np.int64) for part in SEARCHED}
    found: dict[str, list[bytes]] = {part: [] for part in SEARCHED}
    # Shapes, pixels and labels of both parts one after the other: the order is part of the fingerprint.
    # Names of folders need not be UTF-8.
    fingerprint = hashlib.sha256("\0".join(class_names).encode(errors="surrogatepass"))
    for part, pixels in with_progress(read_both(divided), divided, name):
        if not found[part]:
            fingerprint.update(str((len(divided.all[part]), *image_shape)).encode())
        fingerprint.update(np.ascontiguousarray(pixels).data)
        levels[part] += count_levels(pixels)
        found[part] += digests(pixels)
        keep(part, pixels)
        if len(found[part]) == len(divided.all[part]):
            fingerprint.update(np.ascontiguousarray(divided.all[part].labels, dtype="<i8").data)
    learned, chosen = (places_of(part, divided.all[part], found[part]) for part in SEARCHED)
    return DatasetStatistics(
        image_shape=image_shape,
        class_names=class_names,
        fingerprint=fingerprint.hexdigest()[:16],
        leaks=leaks_between(learned, chosen) + leaks_into_test(divided),
        labels={part: selection.labels for part, selection in divided.all.items()},
        positions={part: selection.positions for part, selection in divided.all.items()},
        levels=levels,
        digests={part: as_array(found[part]) for part in SEARCHED},
    )


def read_both(divided: DataSplit) -> Iterator[tuple[str, PixelArray]]:
    """Read train, then validation, piece by piece.

    Raises:
        InputError: as for `Part.pieces`; if both are from one part, the bad images of both are reported together.
    """
    failed: UnreadableError | None = None
    for part, selection in divided.searched.items():
        if failed is not None and selection.part is not divided.train.part:
            raise failed
        try:
            for pixels in selection.pieces():
                if failed is None:
                    yield part, pixels
        except UnreadableError as error:
            failed = error.after(failed)
    if failed is not None:
        raise failed


def with_progress(
    pieces: Iterator[tuple[str, PixelArray]], divided: DataSplit, name: str
) -> Iterator[tuple[str, PixelArray]]:
    """Yield the same pieces, and log the progress if it takes long."""
    total, done, last = sum(len(selection) for selection in divided.searched.values()), 0, time.monotonic()
    for part, pixels in pieces:
        yield part, pixels
        done += len(pixels)
        if time.monotonic() - last > PROGRESS_EVERY_S:
            last = time.monotonic()
            logger.info("Reading %s (once per machine): %s of %s images", name, f"{done:,}", f"{total:,}")


def as_array(digests: list[bytes]) -> NDArray[np.uint8]:
    """Return the digests as an array, uint8 (n, 16)."""
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST_BYTES)


def restore_split(statistics: DatasetStatistics, parts: Parts) -> DataSplit:
    """Split the parts of a source as they were when the statistics were gathered."""
    parts = without(parts, statistics.skipped)
    brought = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    train, validation, test = (
        Selection(parts.train if part is None else part, statistics.positions[name]) for name, part in brought.items()
    )
    return DataSplit(train=train, validation=validation, test=test)
