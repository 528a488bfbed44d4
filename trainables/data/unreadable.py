"""Images that cannot be read: all of them are named at once, or skipped if the settings say so."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spaces.cache import cache_home
from spaces.config.trial import CsvData, Data, FolderData
from spaces.file.write import write_text
from spaces.printable import printable
from spaces.problem import SHOWN, InputError
from trainables.data.split import Selection
from trainables.dataset import chunks, counts
from trainables.sources.part import Part, Parts, UnreadableError, first_few, input_error, problem

RULE = "every image must be readable and complete"
REMEDY = (
    "repair these files or move them away, or go on without them: --set data.unreadable=skip (of `tunehound new`: "
    "--skip-unreadable)"
)
LISTS = "unreadable"
"""The folder below `cache_home` for lists that are too long for a message."""


@dataclass(frozen=True, kw_only=True)
class UnreadableImage:
    """An image that cannot be read."""

    part: str
    """As the source provides it: train, validation or test."""
    position: int
    """In that part of the source."""
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


def is_skipping(data: Data) -> bool:
    """Whether the settings say to go on without unreadable images."""
    return isinstance(data, (FolderData, CsvData)) and data.unreadable == "skip"


def skip_unreadable(parts: Parts, source: str) -> tuple[Parts, tuple[UnreadableImage, ...]]:
    """Return the parts without the images that cannot be read, and those. Decodes every image once.

    Raises:
        InputError: a class of a part has no other images.
    """
    skipped = find_unreadable(parts)
    left = without(parts, skipped)
    check_classes_left(parts, left, skipped, source)
    return left, skipped


def find_unreadable(parts: Parts) -> tuple[UnreadableImage, ...]:
    """Decode every image file of a data set, all parts of it, and return those that cannot be read."""
    return tuple(
        UnreadableImage(part=name, position=position, name=part.name(position), reason=reason)
        for name, part in provided(parts).items()
        for position, reason in failures_in(part).items()
    )


def provided(parts: Parts) -> dict[str, Part]:
    """Return the parts that a source provides, by name."""
    named = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    return {name: part for name, part in named.items() if part is not None}


def failures_in(part: Part) -> dict[int, str]:
    """Return the reason for each image of a part that cannot be read; none if it does not consist of files."""
    if part.failures is None:
        return {}
    everything = np.arange(len(part), dtype=np.int64)
    found = [part.failures(positions) for positions in chunks(everything, part.image_shape)]
    return {position: reason for some in found for position, reason in some.items()}


def without(parts: Parts, skipped: Sequence[UnreadableImage]) -> Parts:
    """Return the parts without some of their images."""
    left = {
        name: drop(part, [each.position for each in skipped if each.part == name])
        for name, part in provided(parts).items()
    }
    return replace(parts, train=left["train"], validation=left.get("validation"), test=left.get("test"))


def drop(part: Part, positions: Sequence[int]) -> Part:
    """Return a part of files without the images at some positions."""
    if not positions:
        return part
    if part.subset is None:
        raise ValueError("only a part of files can lose images")
    return part.subset(np.setdiff1d(np.arange(len(part), dtype=np.int64), np.asarray(positions, dtype=np.int64)))


def check_classes_left(before: Parts, left: Parts, skipped: Sequence[UnreadableImage], source: str) -> None:
    """Check that no class lost all of its images in a part.

    Raises:
        InputError: some did.
    """
    names, lost = before.class_names, []
    for part, had in provided(before).items():
        numbers = counts(had.labels, len(names)), counts(provided(left)[part].labels, len(names))
        lost += [f"{name} in {part}" for name, first, now in zip(names, *numbers, strict=True) if first and not now]
    if lost:
        rule = "every class must have an image that can be read"
        given = f"{first_few(lost)}; unreadable images are {first_few([str(each) for each in skipped])}"
        raise input_error(source, problem(rule, given=given, remedy="repair these files, or remove the classes"))


def check_readable(selection: Selection) -> None:
    """Check that image files can be read, before hours of training depend on it, and look no further at them.

    Raises:
        UnreadableError: some cannot.
    """
    for _ in selection.pieces() if selection.part.failures is not None else ():
        continue


@contextmanager
def all_named(parts: Parts, source: str) -> Iterator[None]:
    """Turn the error of the first unreadable images into one that names those of all parts.

    Raises:
        InputError: images could not be read.
    """
    try:
        yield
    except UnreadableError as error:
        found = [str(each) for each in find_unreadable(parts)]
        raise (unreadable_error(found, source) if found else error) from error


def unreadable_error(images: Sequence[str], source: str) -> InputError:
    """Return the error that names the first images and, if there are more, a file that lists them all."""
    whole = f"; all of them: {listed}" if (listed := write_list(images)) else ""
    return input_error(source, problem(RULE, given=first_few(list(images)) + whole, remedy=REMEDY))


def skipped_warning(images: Sequence[str]) -> str:
    """Return a sentence that names the first images that are skipped and, if there are more, a file that lists all."""
    whole = f"; all of them: {listed}" if (listed := write_list(images)) else ""
    return f"images that cannot be read are left out (data.unreadable: skip): {first_few(list(images))}{whole}"


def write_list(images: Sequence[str]) -> Path | None:
    """Write a list that is too long for a message to a file named after its content, one image a line.

    Returns None if a message can show them all, or if there is no space for the file.
    """
    if len(images) <= SHOWN:
        return None
    text = "".join(f"{printable(each)}\n" for each in images)
    path = cache_home() / LISTS / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.txt"
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_text(path, text)
        return path
    return None
