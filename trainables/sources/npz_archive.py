"""One array of images in a NumPy archive: read in order without the whole of it in memory, or here and there."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from trainables.dataset import LabelArray, PixelArray, PositionArray, chunks
from trainables.sources.part import Part, problem, refusal

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
"""What NumPy raises on an archive that is cut off, overwritten or none at all."""

Header = tuple[tuple[int, ...], np.dtype[np.generic]]
"""Shape and type of an array, read without its values."""


def archived_part(path: Path, key: str, labels: LabelArray) -> Part:
    """The images of an archive at ``key``, uint8 (n, height, width[, channels]), opened again when they are wanted."""
    shape, _ = header(path, key)
    height, width, channels = (*shape[1:], 1)[:3]
    plain = is_plain(path, key)

    @cache
    def mapped() -> PixelArray:
        return map_plain(path, key).reshape(-1, height, width, channels)

    def read(positions: PositionArray) -> PixelArray:
        if plain:
            return mapped()[positions]
        with archive(path) as arrays:
            pixels = arrays[key].reshape(-1, height, width, channels)
        whole = len(positions) == len(pixels) and bool((positions == np.arange(len(pixels))).all())
        return pixels if whole else pixels[positions]

    def in_order(positions: PositionArray) -> Iterator[PixelArray]:
        return unpacked(path, key, positions, (height, width, channels))

    return Part(
        labels=labels,
        image_shape=(height, width, channels),
        read=read,
        name=lambda position: f"{key}[{position}]",
        in_order=in_order,
        no_streaming=None if plain else "write the archive by np.savez: compressed, it can only be read as a whole",
    )


@contextmanager
def archive(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """The archive, open; what NumPy says of a damaged one is said as `InputError`. It never unpickles."""
    with damage_told(path):
        opened = np.load(path, allow_pickle=False)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise ValueError("a single array, saved by np.save")
        with opened:
            yield opened


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Turns what is raised on a damaged archive into `InputError`."""
    try:
        yield
    except DAMAGED as error:
        cure = "write it by np.savez_compressed(path, x_train=…, y_train=…) from arrays of plain numbers and text"
        rule = "the file is a whole .npz archive of plain arrays"
        raise refusal(str(path), problem(rule, given=str(error) or type(error).__name__, remedy=cure)) from error


def header(path: Path, key: str) -> Header:
    """Shape and type of an array in an archive, without decompressing it."""
    with zipfile.ZipFile(path) as zipped, zipped.open(f"{key}.npy") as member:
        shape, _, dtype = read_header(member)
    return shape, dtype


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Shape, whether columns come first, and type of an array in NumPy's format; the file stands at its values then."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def unpacked(path: Path, key: str, positions: PositionArray, image_shape: tuple[int, int, int]) -> Iterator[PixelArray]:
    """The images at ascending positions; the archive is unpacked from its start to its end, piece by piece.

    Raises:
        InputError: it is damaged.
    """
    with damage_told(path), zipfile.ZipFile(path) as zipped, zipped.open(f"{key}.npy") as member:
        shape, columns_first, _ = read_header(member)
        if columns_first:
            values = np.load(path, allow_pickle=False)[key].reshape(-1, *image_shape)
            yield from (values[chunk] for chunk in chunks(positions, image_shape))
            return
        for chunk in chunks(np.arange(shape[0], dtype=np.int64), image_shape):
            wanted = positions[np.searchsorted(positions, chunk[0]) : np.searchsorted(positions, chunk[-1], "right")]
            pixels = rows(member, len(chunk), image_shape)
            if len(wanted):
                yield pixels[wanted - chunk[0]]
        member.read(1)  # the checksum is compared at the very end


def rows(member: IO[bytes], count: int, image_shape: tuple[int, int, int]) -> PixelArray:
    """The next so many images of a member that stands at one."""
    size = count * int(np.prod(image_shape))
    content = member.read(size)
    if len(content) < size:
        raise EOFError("it ends too early")
    return np.frombuffer(content, np.uint8).reshape(count, *image_shape)


def is_plain(path: Path, key: str) -> bool:
    """Whether an array lies in its archive as it would in memory."""
    with zipfile.ZipFile(path) as zipped:
        if zipped.getinfo(f"{key}.npy").compress_type != zipfile.ZIP_STORED:
            return False
        with zipped.open(f"{key}.npy") as member:
            return not read_header(member)[1]


def map_plain(path: Path, key: str) -> NDArray[np.uint8]:
    """The values of a plain array, mapped from the archive."""
    with damage_told(path), zipfile.ZipFile(path) as zipped, path.open("rb") as file:
        file.seek(zipped.getinfo(f"{key}.npy").header_offset)
        local = file.read(30)  # the fixed part of a member's own header; it ends in the lengths of name and extra field
        file.seek(int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little"), 1)
        shape, _, _ = read_header(file)
        return np.memmap(file, np.uint8, "r", file.tell(), shape)
