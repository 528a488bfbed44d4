"""What a source brings: up to three parts of a data set, their labels known, their pixels not read yet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from spaces.problem import InputError, Path, Problem
from trainables.dataset import LabelArray, PixelArray, PositionArray, chunks
from trainables.sources.image import ImageFile

DATA_PATH = ("trial", "data", "path")
SHOWN = 5
"""How many of many faulty images a message names."""

Digests = Callable[[PositionArray], list[bytes]]
"""Positions, int64 (m,) → for each image sixteen bytes that only an identical one shares."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Part:
    """Images that a data set holds together.

    ``labels`` is int64 (n,); ``read`` takes positions, int64 (m,), to their pixels, uint8 (m, height, width, channels),
    and raises `InputError` where they cannot be read — `UnreadableError` where the others still can; several threads
    may call it at once; ``name`` tells a person which image stands at a position.
    """

    labels: LabelArray
    image_shape: tuple[int, int, int]
    """Height and width in pixels, and the number of channels."""
    read: Callable[[PositionArray], PixelArray]
    name: Callable[[int], str]
    digests: Digests | None = None
    """Tells identical images without decoding them; where not given, they are told by their pixels."""
    stored: Callable[[int], ImageFile] | None = None
    """The file of the image at a position, where it has one and is resized when it is read."""

    in_order: Callable[[PositionArray], Iterator[PixelArray]] | None = None
    """The pixels at ascending positions piece by piece, where that is cheaper than reading here and there."""
    no_streaming: str | None = None
    """What to do about it that images cannot be read here and there, but only all of them; None where they can."""

    def __len__(self) -> int:
        return len(self.labels)

    def pieces(self, positions: PositionArray) -> Iterator[PixelArray]:
        """The pixels at ascending positions, uint8 (m, height, width, channels), a moderate number at a time.

        Raises:
            UnreadableError: some cannot be read; raised when all were tried, and names them all.
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

    def told_apart(self, positions: PositionArray) -> list[bytes]:
        """The digests of some images.

        Raises:
            InputError: they cannot be read.
        """
        if self.digests is not None:
            return self.digests(positions)
        return [told for pixels in self.pieces(positions) for told in digests(pixels)]


@dataclass(frozen=True, eq=False, kw_only=True)
class Parts:
    """A data set as it is brought: what it does not divide itself is divided by `trainables.data.split`."""

    train: Part
    validation: Part | None = None
    test: Part | None = None
    class_names: tuple[str, ...]


def array_part(pixels: PixelArray, labels: LabelArray, name: Callable[[int], str]) -> Part:
    """A part whose pixels, uint8 (n, height, width, channels), are in memory already."""
    shape = (pixels.shape[1], pixels.shape[2], pixels.shape[3])
    return Part(labels=labels, image_shape=shape, read=lambda positions: pixels[positions], name=name)


def digest(content: bytes | memoryview) -> bytes:
    """Sixteen bytes that only the same content has."""
    return hashlib.blake2b(content, digest_size=16).digest()


def digests(pixels: PixelArray) -> list[bytes]:
    """That of each image of uint8 (n, height, width, channels)."""
    return [digest(np.ascontiguousarray(image).data) for image in pixels]


class UnreadableError(InputError):
    """Some images cannot be read; the others can."""

    def __init__(self, source: str, told: Sequence[str], *, rule: str, remedy: str, where: Path = DATA_PATH) -> None:
        super().__init__([problem(rule, given=first_few(list(told)), remedy=remedy, where=where)], source)
        self.told = tuple(told)
        """Each image, with the reason."""

    def after(self, other: UnreadableError | None) -> UnreadableError:
        """This error and one before it as one."""
        (mistake,), told = self.problems, (*(other.told if other else ()), *self.told)
        return UnreadableError(self.source, told, rule=mistake.rule, remedy=mistake.remedy, where=mistake.path)


def refusal(source: str, *problems: Problem) -> InputError:
    """The error that says what is wrong with the data at ``source``, a file or folder."""
    return InputError(problems, source)


def problem(rule: str, *, given: str | None = None, remedy: str, where: Path = DATA_PATH) -> Problem:
    """A mistake in the data that the setting ``where`` names."""
    return Problem(path=where, rule=rule, given=given, remedy=remedy)


def first_few(names: list[str]) -> str:
    """``"7: a, b, c, d, e and 2 more"``."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)}: " + ", ".join(names[:SHOWN]) + more
