"""What a source provides: up to three parts of a data set, with their labels, but without their pixels yet."""

from __future__ import annotations

import contextlib
import hashlib
import re
import unicodedata
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np

from spaces.problem import InputError, Path, Problem
from spaces.problem import first_few as first_few
from trainables.dataset import LabelArray, PixelArray, PositionArray, chunks
from trainables.sources.image import ImageFile

DATA_PATH = ("trial", "data", "path")

Digests = Callable[[PositionArray], list[bytes]]
"""Positions, int64 (m,) → sixteen bytes per image that only identical images share."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Part:
    """Images that belong together in a data set.

    ``labels`` is int64 (n,). ``read`` maps positions, int64 (m,), to pixels, uint8 (m, height, width, channels); it
    raises `InputError` if they cannot be read, `UnreadableError` if others can, and several threads may call it at
    once. ``name`` maps a position to the image's name in messages.
    """

    labels: LabelArray
    image_shape: tuple[int, int, int]
    """Height and width in pixels, and the number of channels."""
    read: Callable[[PositionArray], PixelArray]
    name: Callable[[int], str]
    digests: Digests | None = None
    """Identifies images without decoding them; by default they are identified by their pixels."""
    stored: Callable[[int], ImageFile] | None = None
    """The file of the image at a position, if it has one and is resized when it is read."""

    failures: Callable[[PositionArray], dict[int, str]] | None = None
    """Positions, int64 (m,) → the reason for each image that cannot be read; None if images cannot fail one by one."""
    subset: Callable[[PositionArray], Part] | None = None
    """Positions, int64 (m,) → a part of these images only, which every part that has `failures` provides."""

    in_order: Callable[[PositionArray], Iterator[PixelArray]] | None = None
    """Reads the pixels at ascending positions piece by piece, if that is cheaper than reading at random."""
    no_streaming: str | None = None
    """The remedy if images can only be read all at once; None if they can be read one by one."""

    def __len__(self) -> int:
        return len(self.labels)

    def pieces(self, positions: PositionArray) -> Iterator[PixelArray]:
        """Yield the pixels at ascending positions, uint8 (m, height, width, channels), a moderate number at a time.

        Raises:
            UnreadableError: some cannot be read; raised after all were tried, and lists them all.
            InputError: the rest cannot be read either.
        """
        if self.in_order is not None:
            yield from self.in_order(positions)
            return
        failed: UnreadableError | None = None
        for chunk in chunks(positions, self.image_shape):
            try:
                pixels = self.read(chunk)
            except UnreadableError as error:
                failed = error.after(failed)
            else:
                yield pixels
        if failed is not None:
            raise failed

    def compute_digests(self, positions: PositionArray) -> list[bytes]:
        """Return the digests of some images.

        Raises:
            InputError: they cannot be read.
        """
        if self.digests is not None:
            return self.digests(positions)
        return [each for pixels in self.pieces(positions) for each in digests(pixels)]


@dataclass(frozen=True, eq=False, kw_only=True)
class Parts:
    """A data set as its source provides it; missing parts are split off train by `trainables.data.split`."""

    train: Part
    validation: Part | None = None
    test: Part | None = None
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What will train, but probably not as intended, one sentence each."""


def check_class_names(parts: Parts, source: str, *, where: Path) -> None:
    """Check that no two class names differ only in case, blanks, their Unicode form or how a number is written.

    Raises:
        InputError: some do; each group is listed with its spellings, their numbers of images and one image of each.
    """
    alike: dict[Hashable, list[int]] = {}
    for number, name in enumerate(parts.class_names):
        alike.setdefault(what_it_says(name), []).append(number)
    groups = [" = ".join(_spelled(parts, number) for number in group) for group in alike.values() if len(group) > 1]
    if groups:
        rule = "class names must differ in more than case, blanks, their Unicode form or how a number is written"
        cure = "spell each class in one way, or write distinct_names: true if they are meant to be different classes"
        raise input_error(source, problem(rule, given="; ".join(groups), remedy=cure, where=where))


def what_it_says(name: str) -> Hashable:
    """Return what a class name says, whatever its case, blanks and Unicode form are; a number as a number."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    text = " ".join("".join(each for each in folded if unicodedata.category(each) != "Cf").split())
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text):
        with contextlib.suppress(InvalidOperation):
            return Decimal(text)
    return text


def _spelled(parts: Parts, number: int) -> str:
    """Return a class name so that every difference shows, the number of its images and the name of one of them."""
    name, found = parts.class_names[number], np.flatnonzero(parts.train.labels == number)
    shown = name if name.isascii() and name == " ".join(name.split()) else ascii(name)
    images = f"{len(found)} image{'' if len(found) == 1 else 's'}"
    return f"{shown} ({images}, such as {parts.train.name(int(found[0]))})" if len(found) else shown


def array_part(pixels: PixelArray, labels: LabelArray, name: Callable[[int], str]) -> Part:
    """Return a part whose pixels, uint8 (n, height, width, channels), are in memory."""
    shape = (pixels.shape[1], pixels.shape[2], pixels.shape[3])
    return Part(labels=labels, image_shape=shape, read=lambda positions: pixels[positions], name=name)


def digest(content: bytes | memoryview) -> bytes:
    """Return sixteen bytes that identify the content."""
    return hashlib.blake2b(content, digest_size=16).digest()


def digests(pixels: PixelArray) -> list[bytes]:
    """Return the digest of each image of uint8 (n, height, width, channels)."""
    return [digest(np.ascontiguousarray(image).data) for image in pixels]


class UnreadableError(InputError):
    """Some images cannot be read, but others can."""

    def __init__(self, source: str, images: Sequence[str], *, rule: str, remedy: str, where: Path = DATA_PATH) -> None:
        super().__init__([problem(rule, given=first_few(list(images)), remedy=remedy, where=where)], source)
        self.images = tuple(images)
        """Each image, with the reason."""

    def after(self, other: UnreadableError | None) -> UnreadableError:
        """Combine this error with an earlier one."""
        (mistake,), images = self.problems, (*(other.images if other else ()), *self.images)
        return UnreadableError(self.source, images, rule=mistake.rule, remedy=mistake.remedy, where=mistake.path)


def input_error(source: str, *problems: Problem) -> InputError:
    """Return the error for mistakes in the data at ``source``, a file or folder."""
    return InputError(problems, source)


def problem(rule: str, *, given: str | None = None, remedy: str, where: Path = DATA_PATH) -> Problem:
    """Return a mistake in the data that the setting ``where`` names."""
    return Problem(path=where, rule=rule, given=given, remedy=remedy)
