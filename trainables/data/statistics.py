"""What one pass over a data set determines, except the pixels themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from spaces.problem import InputError
from trainables.data.copies import DigestArray, Marks, MarksBuilder, as_array, with_progress
from trainables.data.leaks import MarkedPart, leaks_between, marked, near_copies_between, under_two_labels
from trainables.data.split import DataSplit, Selection
from trainables.data.unreadable import UnreadableImage, without
from trainables.dataset import LabelArray, Leak, LevelArray, PixelArray, PositionArray, count_levels, counts
from trainables.sources.part import Part, Parts, UnreadableError

PARTS = ("train", "validation", "test")
SEARCHED = ("train", "validation")
"""The parts that a search sees: their pixels are read."""

Keep = Callable[[str, PixelArray], None]
"""Receives the next pixels of a part."""


@dataclass(frozen=True, eq=False, kw_only=True)
class DatasetStatistics:
    """A data set without its pixels. Arrays and levels are by part: labels and positions for all three."""

    image_shape: tuple[int, int, int]
    """Height and width in pixels, and the number of channels."""
    class_names: tuple[str, ...]
    fingerprint: str
    """The fingerprint of the `Dataset`."""
    leaks: tuple[Leak, ...]
    """Images that are in two parts."""
    near_copies: tuple[Leak, ...]
    """Images that look like one in another part."""
    two_labels: tuple[Leak, ...]
    """Images that stand under two labels."""
    labels: Mapping[str, LabelArray]
    positions: Mapping[str, PositionArray]
    """The positions of the images in the source's part."""
    levels: Mapping[str, LevelArray]
    digests: Mapping[str, DigestArray]
    """Digests of the pixels of each image of train and validation, uint8 (n, 16)."""
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


def gather(
    divided: DataSplit, class_names: tuple[str, ...], *, keep: Keep, name: str, examined: Mapping[Part, Marks] | None
) -> DatasetStatistics:
    """Read every image of train and validation once, piece by piece, and pass the pixels to ``keep``.

    ``examined`` has the marks of the source's parts that were read for the division; None if copies are told by the
    bytes of their files.

    Raises:
        InputError: images cannot be read; those of a part are reported together.
    """
    image_shape = divided.train.part.image_shape
    levels = {part: np.zeros((image_shape[-1], 256), np.int64) for part in SEARCHED}
    found = {part: MarksBuilder() for part in SEARCHED}
    # Shapes, pixels and labels of both parts one after the other: the order is part of the fingerprint.
    # Names of folders need not be UTF-8.
    fingerprint = hashlib.sha256("\0".join(class_names).encode(errors="surrogatepass"))
    for part, pixels in read_both(divided, name):
        if not found[part]:
            fingerprint.update(str((len(divided.all[part]), *image_shape)).encode())
        fingerprint.update(np.ascontiguousarray(pixels).data)
        levels[part] += count_levels(pixels)
        found[part].add(pixels)
        keep(part, pixels)
        if len(found[part]) == len(divided.all[part]):
            fingerprint.update(np.ascontiguousarray(divided.all[part].labels, dtype="<i8").data)
    marks = {part: builder.marks() for part, builder in found.items()}
    for part, selection in divided.searched.items():
        if examined and selection.part in examined:
            marks[part] = examined[selection.part][selection.positions]
    compare = by_bytes if examined is None else partial(by_pixels, examined=examined)
    return DatasetStatistics(
        image_shape=image_shape,
        class_names=class_names,
        fingerprint=fingerprint.hexdigest()[:16],
        **compare(divided, marks, class_names),
        labels={part: selection.labels for part, selection in divided.all.items()},
        positions={part: selection.positions for part, selection in divided.all.items()},
        levels=levels,
        digests={part: each.digests for part, each in marks.items()},
    )


def by_pixels(
    divided: DataSplit, marks: Mapping[str, Marks], class_names: tuple[str, ...], *, examined: Mapping[Part, Marks]
) -> dict[str, Any]:
    """Compare all parts by their pixels; a test part that could not be read is left out."""
    found = dict(marks)
    if divided.test.part in examined:
        found["test"] = examined[divided.test.part][divided.test.positions]
    parts = list(marked(divided.all, found).values())
    pairs = [(parts[:at], parts[at]) for at in range(1, len(parts))]
    return {
        "leaks": tuple(leak for earlier, part in pairs for leak in leaks_between(earlier, part)),
        "near_copies": tuple(leak for earlier, part in pairs for leak in near_copies_between(earlier, part)),
        "two_labels": under_two_labels(parts, class_names),
    }


def by_bytes(divided: DataSplit, marks: Mapping[str, Marks], class_names: tuple[str, ...]) -> dict[str, Any]:
    """Compare train and validation by their pixels, which were read anyhow, and everything else by bytes.

    A provided test part that cannot be read is reported when it is read, by `load_test`.
    """
    undecoded = {name: _undecoded(name, selection) for name, selection in divided.all.items()}
    parts = [part for part in undecoded.values() if part is not None]
    train, validation = marked(divided.searched, marks).values()
    *searched, test = undecoded.values()
    own_test = divided.test.part is divided.train.part
    known = [part for part in searched if part is not None]
    into_test = () if own_test or test is None else leaks_between(known, test)
    return {
        "leaks": leaks_between([train], validation) + into_test,
        "near_copies": (),
        "two_labels": under_two_labels(parts, class_names),
    }


def _undecoded(name: str, selection: Selection) -> MarkedPart | None:
    """Return a part with the digests that its source has without decoding; None if it cannot be read."""
    try:
        found = as_array(selection.part.compute_digests(selection.positions))
    except InputError:
        return None
    return MarkedPart(name, selection, Marks(found, np.zeros((len(found), 0, 0), np.uint8)))


def read_both(divided: DataSplit, name: str) -> Iterator[tuple[str, PixelArray]]:
    """Read train, then validation, piece by piece.

    Raises:
        InputError: as for `Part.pieces`; if both are from one part, the bad images of both are reported together.
    """
    failed: UnreadableError | None = None
    for part, selection in divided.searched.items():
        if failed is not None and selection.part is not divided.train.part:
            raise failed
        try:
            for pixels in with_progress(selection.pieces(), len(selection), f"{part} of {name}"):
                if failed is None:
                    yield part, pixels
        except UnreadableError as error:
            failed = error.after(failed)
    if failed is not None:
        raise failed


def restore_split(statistics: DatasetStatistics, parts: Parts) -> DataSplit:
    """Split the parts of a source as they were when the statistics were gathered."""
    parts = without(parts, statistics.skipped)
    brought = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    train, validation, test = (
        Selection(parts.train if part is None else part, statistics.positions[name]) for name, part in brought.items()
    )
    return DataSplit(train=train, validation=validation, test=test)
