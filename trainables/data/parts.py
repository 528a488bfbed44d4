"""What a source brings: up to three parts of a data set, their labels known, their pixels not read yet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from spaces.problem import InputError, Path, Problem
from trainables.data.dataset import LabelArray, PixelArray, PositionArray
from trainables.data.image import ImageFile

DATA_PATH = ("trial", "data", "path")
SHOWN = 5
"""How many of many faulty images a message names."""

Digests = Callable[[PositionArray], list[bytes]]
"""Positions, int64 (m,) → for each image sixteen bytes that only an identical one shares."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Part:
    """Images that a data set holds together.

    ``labels`` is int64 (n,); ``read`` takes positions, int64 (m,), to their pixels, uint8 (m, height, width, channels),
    and raises `InputError` where they cannot be read; ``name`` tells a person which image stands at a position.
    """

    labels: LabelArray
    read: Callable[[PositionArray], PixelArray]
    name: Callable[[int], str]
    digests: Digests | None = None
    """Tells identical images without decoding them; where not given, they are told by their pixels."""
    stored: Callable[[int], ImageFile] | None = None
    """The file of the image at a position, where it has one and is resized when it is read."""

    def __len__(self) -> int:
        return len(self.labels)

    def told_apart(self, positions: PositionArray) -> list[bytes]:
        """The digests of some images.

        Raises:
            InputError: they cannot be read.
        """
        if self.digests is not None:
            return self.digests(positions)
        return [digest(np.ascontiguousarray(image).data) for image in self.read(positions)]


@dataclass(frozen=True, eq=False, kw_only=True)
class Parts:
    """A data set as it is brought: what it does not divide itself is divided by `trainables.data.split`."""

    train: Part
    validation: Part | None = None
    test: Part | None = None
    class_names: tuple[str, ...]


def array_part(pixels: PixelArray, labels: LabelArray, name: Callable[[int], str]) -> Part:
    """A part whose pixels, uint8 (n, height, width, channels), are in memory already."""
    return Part(labels=labels, read=lambda positions: pixels[positions], name=name)


def digest(content: bytes | memoryview) -> bytes:
    """Sixteen bytes that only the same content has."""
    return hashlib.blake2b(content, digest_size=16).digest()


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
