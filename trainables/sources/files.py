"""Image files on disk as a part of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trainables.dataset import LabelArray, PixelArray, PositionArray
from trainables.sources.image import DECODE_THREADS, read_images
from trainables.sources.part import Part, UnreadableError, digest


def file_part(paths: Sequence[Path], labels: LabelArray, *, root: Path, size_px: int) -> Part:
    """One part; its images become RGB squares of ``size_px`` a side when they are read. ``labels`` is int64 (n,)."""

    def read(positions: PositionArray) -> PixelArray:
        return squares([paths[position] for position in positions], root, size_px)

    def digests(positions: PositionArray) -> list[bytes]:
        with ThreadPoolExecutor(DECODE_THREADS) as threads:
            return list(threads.map(content_digest, [paths[position] for position in positions]))

    return Part(
        labels=labels,
        image_shape=(size_px, size_px, 3),
        read=read,
        name=lambda position: relative([paths[position]], root)[0],
        digests=digests,
        stored=lambda position: paths[position],
    )


def squares(paths: list[Path], root: Path, size_px: int) -> PixelArray:
    """The images, uint8 (n, size_px, size_px, 3).

    Raises:
        UnreadableError: some cannot be read; it names the first of them, with the reason, and counts them.
    """
    pixels, failed = read_images(paths, height=size_px, width=size_px, channels=3)
    if failed:
        told = [f"{relative([paths[position]], root)[0]} ({why})" for position, why in failed.items()]
        rule, cure = "every image can be read whole", "mend these files or move them away"
        raise UnreadableError(str(root), told, rule=rule, remedy=cure)
    return pixels


def content_digest(path: Path) -> bytes:
    """That of a file's bytes. Files that hold nothing are not alike, so that each is told when it is read."""
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    return digest(content or str(path).encode())


def relative(paths: list[Path], root: Path) -> list[str]:
    """Paths as they are told: from the root of the data set, with forward slashes."""
    return [path.relative_to(root).as_posix() for path in paths]
