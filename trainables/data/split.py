"""Which images are for training, for validation, and for the final test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spaces.config.trial import Split
from spaces.problem import InputError, Problem
from trainables.dataset import LabelArray, PixelArray, PositionArray, counts
from trainables.sources.part import Part, Parts, first_few


@dataclass(frozen=True, eq=False)
class Selection:
    """Some images of a part, by position, int64 (n,), ascending."""

    part: Part
    positions: PositionArray

    @property
    def labels(self) -> LabelArray:
        """Their labels, int64 (n,)."""
        return self.part.labels[self.positions]

    def __len__(self) -> int:
        return len(self.positions)

    def read(self) -> PixelArray:
        """Read their pixels, uint8 (n, height, width, channels); raises as `Part.pieces` does."""
        pixels, filled = np.empty((len(self), *self.part.image_shape), np.uint8), 0
        for piece in self.pieces():
            pixels[filled : filled + len(piece)] = piece
            filled += len(piece)
        return pixels

    def read_some(self, positions: PositionArray) -> PixelArray:
        """Read the pixels of some of them, by their positions in the selection, int64 (m,)."""
        return self.part.read(self.positions[positions])

    def pieces(self) -> Iterator[PixelArray]:
        """Read their pixels, a moderate number at a time; raises as `Part.pieces` does."""
        return self.part.pieces(self.positions)

    def names(self) -> list[str]:
        """Return a name for each, for messages."""
        return [self.part.name(int(position)) for position in self.positions]


@dataclass(frozen=True, eq=False, kw_only=True)
class DataSplit:
    """A data set after splitting: no image of a part is in two of them."""

    train: Selection
    validation: Selection
    test: Selection

    @property
    def searched(self) -> dict[str, Selection]:
        """The parts that a search sees."""
        return {"train": self.train, "validation": self.validation}

    @property
    def all(self) -> dict[str, Selection]:
        """All parts by name."""
        return {**self.searched, "test": self.test}


def split_parts(parts: Parts, split: Split, source: str) -> DataSplit:
    """Keep the parts that the data set provides; split the others off train, stratified, by ``split_seed``.

    Test is split off first, so it is the same whatever share validation takes. Identical images stay in one part.

    Raises:
        InputError: a class has too few images to be in every part, or images cannot be read.
    """
    train, test, validation = whole(parts.train), parts.test, parts.validation
    if test is not None and validation is not None:
        return DataSplit(train=train, validation=whole(validation), test=whole(test))
    seed, names, twins = split.split_seed, parts.class_names, twins_in(parts.train)
    if test is None:
        share = Share("test", split.test, seed)
        train, kept = carve(train, share, twins, names, source)
    if validation is None:
        share = Share("validation", split.validation, seed)
        train, chosen = carve(train, share, twins, names, source)
    return DataSplit(
        train=train,
        validation=chosen if validation is None else whole(validation),
        test=kept if test is None else whole(test),
    )


def twins_in(part: Part) -> PositionArray:
    """For each image, return the position of the first identical one, int64 (n,), which is often its own.

    Raises:
        InputError: the images cannot be read.
    """
    first: dict[bytes, int] = {}
    digests = part.compute_digests(np.arange(len(part), dtype=np.int64))
    return np.asarray([first.setdefault(digest, position) for position, digest in enumerate(digests)], dtype=np.int64)


def whole(part: Part) -> Selection:
    """Select all images of a part."""
    return Selection(part, np.arange(len(part), dtype=np.int64))


@dataclass(frozen=True)
class Share:
    """How much to split off, for what, and by which seed; ``field`` is the setting's name below ``trial.data``."""

    field: str
    fraction: float
    seed: int


def carve(
    images: Selection, share: Share, twins: PositionArray, names: tuple[str, ...], source: str
) -> tuple[Selection, Selection]:
    """Return what remains and what is split off; each class gives the same fraction, up to rounding, and is in both.

    Identical images, which ``twins`` identifies for the whole part, stay together.
    """
    twins = twins[images.positions]
    before = counts(images.labels[np.unique(twins, return_index=True)[1]], len(names))
    taken = round(sum(before) * share.fraction)
    if min(before) < 2 or taken < len(names) or sum(before) - taken < len(names):
        raise too_few(share, dict(zip(names, before, strict=True)), source)
    is_off = draw(images.labels, twins, share=share.fraction, seed=share.seed)
    rest, part = (Selection(images.part, images.positions[where]) for where in (~is_off, is_off))
    after = np.minimum(counts(rest.labels, len(names)), counts(part.labels, len(names)))
    if after.min() < 1:
        short = {name: count for name, count, fewest in zip(names, before, after, strict=True) if fewest < 1}
        raise too_few(share, short, source)
    return rest, part


def draw(labels: LabelArray, twins: PositionArray, *, share: float, seed: int) -> NDArray[np.bool_]:
    """Draw images, bool (n,): the same share of each class, up to rounding.

    Of identical images, whose ``twins``, int64 (n,), are equal, all or none are drawn.
    """
    from sklearn.model_selection import train_test_split  # here: it takes seconds, and most processes never divide

    firsts, at = np.unique(twins, return_index=True)
    taken = round(len(firsts) * share)
    _, off = train_test_split(firsts, test_size=taken, stratify=labels[at], random_state=seed, shuffle=True)
    return np.isin(twins, off)


def too_few(share: Share, classes: dict[str, int], source: str) -> InputError:
    """Return the error that lists the classes with the fewest images; identical ones count once."""
    fewest = sorted(classes.items(), key=lambda item: (item[1], item[0]))
    fewest_first = first_few([f"{name} has {count} image{'' if count == 1 else 's'}" for name, count in fewest])
    problem = Problem(
        path=("trial", "data", share.field),
        rule=f"every class must have images on both sides of the {share.field} split ({share.fraction:g})",
        given=f"{fewest_first} (identical images count once)",
        remedy="add images of these classes, remove the classes, change the share, or provide the parts yourself",
    )
    return InputError([problem], source)
