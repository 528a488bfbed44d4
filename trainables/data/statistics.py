"""What one pass over a data set finds out, all but the pixels themselves."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainables.data.leaks import leaks_between, leaks_into_test, places_of
from trainables.data.split import Selection, Selections
from trainables.dataset import LabelArray, Leak, LevelArray, PixelArray, PositionArray, count_levels, counts
from trainables.sources.part import Parts, UnreadableError, digests

PARTS = ("train", "validation", "test")
SEARCHED = ("train", "validation")
"""The parts that a search sees: their pixels are read."""
DIGEST_BYTES = 16
TOLD_EVERY_S = 10.0

Keep = Callable[[str, PixelArray], None]
"""Takes the next pixels of a part."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, kw_only=True)
class Facts:
    """A data set, but for its pixels. Arrays and levels are by part: labels and positions for all three."""

    image_shape: tuple[int, int, int]
    """Height and width in pixels, and the number of channels."""
    class_names: tuple[str, ...]
    fingerprint: str
    """That of the `Dataset`."""
    leaks: tuple[Leak, ...]
    labels: Mapping[str, LabelArray]
    positions: Mapping[str, PositionArray]
    """Where the images stand in the part that the source brings them in."""
    levels: Mapping[str, LevelArray]
    digests: Mapping[str, NDArray[np.uint8]]
    """Those of the pixels of each image, uint8 (n, 16)."""

    @property
    def counts(self) -> dict[str, tuple[int, ...]]:
        """Images a class, for each part."""
        return {part: counts(labels, len(self.class_names)) for part, labels in self.labels.items()}

    @property
    def shapes(self) -> dict[str, tuple[int, int, int, int]]:
        """Those of the pixels of the parts that a search sees."""
        return {part: (len(self.labels[part]), *self.image_shape) for part in SEARCHED}


def gather(divided: Selections, class_names: tuple[str, ...], *, keep: Keep, called: str) -> Facts:
    """Reads every image of train and validation once, piece by piece, and hands the pixels to ``keep``.

    Raises:
        InputError: images cannot be read; those of a part are named together.
    """
    image_shape = divided.train.part.image_shape
    levels = {part: np.zeros((image_shape[-1], 256), np.int64) for part in SEARCHED}
    found: dict[str, list[bytes]] = {part: [] for part in SEARCHED}
    # Shapes, pixels and labels of both parts one after the other: the order is part of the fingerprint.
    fingerprint = hashlib.sha256("\0".join(class_names).encode())
    for part, pixels in told(read_both(divided), divided, called):
        if not found[part]:
            fingerprint.update(str((len(divided.all[part]), *image_shape)).encode())
        fingerprint.update(np.ascontiguousarray(pixels).data)
        levels[part] += count_levels(pixels)
        found[part] += digests(pixels)
        keep(part, pixels)
        if len(found[part]) == len(divided.all[part]):
            fingerprint.update(np.ascontiguousarray(divided.all[part].labels, dtype="<i8").data)
    learned, chosen = (places_of(part, divided.all[part], found[part]) for part in SEARCHED)
    return Facts(
        image_shape=image_shape,
        class_names=class_names,
        fingerprint=fingerprint.hexdigest()[:16],
        leaks=leaks_between(learned, chosen) + leaks_into_test(divided),
        labels={part: selection.labels for part, selection in divided.all.items()},
        positions={part: selection.positions for part, selection in divided.all.items()},
        levels=levels,
        digests={part: as_array(found[part]) for part in SEARCHED},
    )


def read_both(divided: Selections) -> Iterator[tuple[str, PixelArray]]:
    """Train, then validation, piece by piece.

    Raises:
        InputError: as for `Part.pieces`; where both are carved from one part, the bad images of both are told together.
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


def told(
    pieces: Iterator[tuple[str, PixelArray]], divided: Selections, called: str
) -> Iterator[tuple[str, PixelArray]]:
    """The same pieces; where they take their time, it is told how far they are."""
    total, done, last = sum(len(selection) for selection in divided.searched.values()), 0, time.monotonic()
    for part, pixels in pieces:
        yield part, pixels
        done += len(pixels)
        if time.monotonic() - last > TOLD_EVERY_S:
            last = time.monotonic()
            logger.info("Reading %s, once for this machine: %s of %s images", called, f"{done:,}", f"{total:,}")


def as_array(digests: list[bytes]) -> NDArray[np.uint8]:
    """uint8 (n, 16)."""
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST_BYTES)


def divided_by(facts: Facts, parts: Parts) -> Selections:
    """The parts of a source, divided as they were when the facts were gathered."""
    brought = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    train, validation, test = (
        Selection(parts.train if part is None else part, facts.positions[name]) for name, part in brought.items()
    )
    return Selections(train=train, validation=validation, test=test)
