"""One array of images in a NumPy archive, read in order without holding all of it in memory, or at random."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np
from numpy.typing import NDArray

from trainables.dataset import LabelArray, PixelArray, PositionArray, chunks
from trainables.sources.part import Part, input_error, problem

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, SyntaxError, TokenError)
"""What NumPy raises for an archive that is truncated, overwritten or not one at all."""

Header = tuple[tuple[int, ...], np.dtype[np.generic]]
"""Shape and type of an array, read without its values."""


def archived_part(path: Path, key: str, labels: LabelArray) -> Part:
    """Return the images of an archive at ``key``, uint8 (n, height, width[, channels]), read when they are needed."""
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
        no_streaming=None
        if plain
        else "write the archive with np.savez: if compressed, it can only be read as a whole",
    )


@contextmanager
def archive(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """Open the archive; report a damaged one as `InputError`. Never unpickles."""
    with damage_reported(path):
        if not path.is_file():
            raise ValueError("a pipe or a device")
        opened = np.load(path, allow_pickle=False)
        if not isinstance(opened, np.lib.npyio.NpzFile):
            raise ValueError("a single array, saved by np.save")
        with opened:
            yield opened


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turn the exceptions of a damaged archive into `InputError`."""
    try:
        yield
    except DAMAGED as error:
        cure = "write it with np.savez_compressed(path, x_train=…, y_train=…) from arrays of plain numbers and text"
        rule = "the file must be a complete .npz archive of plain arrays"
        raise input_error(str(path), problem(rule, given=str(error) or type(error).__name__, remedy=cure)) from error


def header(path: Path, key: str) -> Header:
    """Return shape and type of an array in an archive, without decompressing it.

    Raises:
        InputError: the member of this name is no array, holds pickled objects, or has another size than its shape.
    """
    with damage_reported(path), zipfile.ZipFile(path) as zipped:
        if zipped.namelist().count(f"{key}.npy") != 1:
            raise ValueError(f"{key}, which is no array: an array is one member called {key}.npy")
        with zipped.open(f"{key}.npy") as member:
            shape, _, dtype = read_header(member)
            size = member.tell() + math.prod(shape) * dtype.itemsize
        if dtype.hasobject:
            raise ValueError(f"{key}, which holds pickled objects")
        found = zipped.getinfo(f"{key}.npy").file_size
        if min(shape, default=0) < 0 or size != found:
            raise ValueError(f"{key} of shape {shape} and type {dtype}, but with {found:,} bytes instead of {size:,}")
    return shape, dtype


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Read shape, Fortran order and type of an array in NumPy's format, up to where its values begin."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def unpacked(path: Path, key: str, positions: PositionArray, image_shape: tuple[int, int, int]) -> Iterator[PixelArray]:
    """Yield the images at ascending positions; the archive is decompressed from start to end, piece by piece.

    Raises:
        InputError: it is damaged.
    """
    with damage_reported(path), zipfile.ZipFile(path) as zipped, zipped.open(f"{key}.npy") as member:
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
    """Read the next images of an archive member."""
    size = count * int(np.prod(image_shape))
    content = member.read(size)
    if len(content) < size:
        raise EOFError("it ends too early")
    return np.frombuffer(content, np.uint8).reshape(count, *image_shape)


def is_plain(path: Path, key: str) -> bool:
    """Whether an array has the same layout in its archive as in memory."""
    with zipfile.ZipFile(path) as zipped:
        if zipped.getinfo(f"{key}.npy").compress_type != zipfile.ZIP_STORED:
            return False
        with zipped.open(f"{key}.npy") as member:
            return not read_header(member)[1]


def map_plain(path: Path, key: str) -> NDArray[np.uint8]:
    """Memory-map the values of a plain array in the archive."""
    with damage_reported(path), zipfile.ZipFile(path) as zipped, path.open("rb") as file:
        file.seek(zipped.getinfo(f"{key}.npy").header_offset)
        local = file.read(30)  # the fixed part of a member's own header; it ends in the lengths of name and extra field
        file.seek(int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little"), 1)
        shape, _, _ = read_header(file)
        return np.memmap(file, np.uint8, "r", file.tell(), shape)
