"""Image files on disk as a part of a data set."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trainables.dataset import LabelArray, PixelArray, PositionArray
from trainables.sources.image import DECODE_THREADS, read_images
from trainables.sources.part import Part, UnreadableError, digest


def file_part(paths: Sequence[Path], labels: LabelArray, *, root: Path, size_px: int) -> Part:
    """Return a part whose images become RGB squares of ``size_px`` a side when read. ``labels`` is int64 (n,)."""

    def read(positions: PositionArray) -> PixelArray:
        return squares([paths[position] for position in positions], root, size_px)

    def digests(positions: PositionArray) -> list[bytes]:
        with ThreadPoolExecutor(DECODE_THREADS) as threads:
            return list(threads.map(content_digest, [paths[position] for position in positions]))

    def failures(positions: PositionArray) -> dict[int, str]:
        _, failed = read_images([paths[each] for each in positions], height=size_px, width=size_px, channels=3)
        return {int(positions[each]): why for each, why in failed.items()}

    return Part(
        labels=labels,
        image_shape=(size_px, size_px, 3),
        read=read,
        name=lambda position: relative([paths[position]], root)[0],
        digests=digests,
        stored=lambda position: paths[position],
        failures=failures,
        subset=lambda kept: file_part([paths[each] for each in kept], labels[kept], root=root, size_px=size_px),
    )


def squares(paths: list[Path], root: Path, size_px: int) -> PixelArray:
    """Read the images, uint8 (n, size_px, size_px, 3).

    Raises:
        UnreadableError: some cannot be read; it lists the first of them, with the reasons, and their number.
    """
    pixels, failed = read_images(paths, height=size_px, width=size_px, channels=3)
    if failed:
        unreadable = [f"{relative([paths[position]], root)[0]} ({why})" for position, why in failed.items()]
        rule, cure = "every image must be readable and complete", "repair these files or move them away"
        raise UnreadableError(str(root), unreadable, rule=rule, remedy=cure)
    return pixels


def content_digest(path: Path) -> bytes:
    """Return the digest of a file's bytes. Empty files are considered different, so that each is reported when read."""
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    return digest(content or os.fsencode(path))


def relative(paths: list[Path], root: Path) -> list[str]:
    """Return paths as shown in messages: relative to the data set's folder, with forward slashes."""
    return [path.relative_to(root).as_posix() for path in paths]
