"""One image file → pixels, in the same way for training and for prediction."""

from __future__ import annotations

import io
import math
import os
import stat
import struct
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps

from trainables.dataset import PixelArray
from trainables.image_formats import HEAD_BYTES, explain, formats, is_picture_name, refused_name
from trainables.image_formats import SUFFIXES as SUFFIXES
from trainables.image_formats import is_image_name as is_image_name

DECODE_THREADS = 4
"""Pillow decodes outside the interpreter lock, so a few threads keep a few cores busy."""
LIMIT_BYTES = 2**31
"""An image that takes more memory to decode is refused."""
ALONE_PX = 50_000_000
"""Images of more pixels are decoded one at a time, whatever the number of threads."""
SHRUNK_PX = 178_956_970
"""Images of more pixels are averaged to a fraction of their size before anything else; no others, so that the pixels of
ordinary images stay what they always were. (Earlier versions refused images as large as this, as Pillow does.)"""
STRIP_PX = 4_000_000
"""Larger images are converted in strips of about this many pixels."""
UNKNOWN_RANGE = {"F": "floating-point numbers", "I": "signed or 32-bit integers", "LAB": "LAB colours"}
"""Pillow's modes of images whose black and white are unknown, or that it does not convert → what they hold."""

LEFT_BEHIND = (
    "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information", "__macosx", "icon\r",
    "@eadir", "#recycle", "#snapshot", "lost+found", "__pycache__",
)  # fmt: skip
"""Names of what Windows, macOS, network storage, Linux and Python leave in folders, in lower case."""
_alone = threading.Lock()

ImageFile = Path | memoryview
"""A file that holds an image, or the content of one."""
Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge in pixels."""


def is_hidden(path: Path) -> bool:
    """Whether a file or folder was not put there by a person: a dot file, or what a system or program leaves behind."""
    return path.name.startswith(".") or path.name.casefold() in LEFT_BEHIND


def read_image(file: ImageFile, *, height: int, width: int, channels: int) -> PixelArray:
    """Read an image as pixels, uint8 (height, width, channels); ``channels`` is 1 (grey) or 3 (RGB).

    It is rotated by its EXIF orientation, put on white if transparent, converted from its mode (grey, palette, CMYK,
    16 bits per channel: the high byte; the first frame of an animation, the first page of a TIFF), then resized without
    keeping its proportions, by a triangle filter that averages when shrinking. An image that has the size already
    keeps every pixel. A large JPEG is decoded at a fraction of its size.

    Raises:
        OSError: there is no such file, or it holds no complete image; the message gives the reason in a few words.
    """
    mode, side = "L" if channels == 1 else "RGB", max(height, width)
    try:
        with open_image(file) as opened:
            # A large JPEG is decoded at a half, a quarter or an eighth of its size, at least the size wanted.
            opened.draft(None, (side * 2, side * 2))
            check_size(opened)
            with unlimited() if opened.width * opened.height > ALONE_PX else nullcontext():
                plain, box = plain_image(opened, mode, side)
                fitted = plain.resize((width, height), Image.Resampling.BILINEAR, box)
    except Exception as error:  # damaged bytes make Pillow raise nearly anything; in each case the file is at fault
        raise OSError(reason(error)) from error
    return np.asarray(fitted, dtype=np.uint8).reshape(height, width, channels)


def is_picture(file: Path) -> bool:
    """Whether a file is a picture by its extension, even one that is not read, or otherwise by its content."""
    try:
        with nullcontext() if is_picture_name(file) else open_image(file):
            return True
    except Exception:  # damaged bytes make Pillow raise nearly anything
        return False


@contextmanager
def open_image(file: ImageFile) -> Iterator[Image.Image]:
    """Open an image and read its header, but not its pixels.

    Raises:
        OSError: there is no such file, or it is empty or not an image.
    """
    if isinstance(file, Path):
        check_regular(file)
    with file.open("rb") if isinstance(file, Path) else io.BytesIO(file) as stream:
        head = stream.read(HEAD_BYTES)
        if not head:
            raise OSError("is empty (zero bytes)")
        image = identify(stream, head, str(file) if isinstance(file, Path) else "")
        if image is None:
            raise OSError(explain(head))
        with image:
            yield image


def check_regular(file: Path) -> None:
    """Check that a file can be read as an image may be: to its end, and from its beginning again.

    Raises:
        OSError: there is no such file, it is a folder, a pipe or a device, or by its name of a format that is not read.
    """
    mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        os.scandir(file).close()  # raises if permissions are what is missing
        raise IsADirectoryError
    if not stat.S_ISREG(mode):
        raise OSError("is a pipe or a device, not a file")
    if why := refused_name(file):
        raise OSError(why)


def identify(stream: IO[bytes], head: bytes, name: str) -> Image.Image | None:
    """Return the image in a stream, like `PIL.Image.open`, but without its limit of pixels; None for other formats."""
    Image.init()
    for format in formats():
        factory, accept = Image.OPEN[format]
        stream.seek(0)
        try:
            if accept is None or accept(head[:16]) is True:
                return factory(stream, name)
        except Image.DecompressionBombError:  # some plugins check the size themselves
            with unlimited():
                stream.seek(0)
                return factory(stream, name)
        except (SyntaxError, IndexError, TypeError, struct.error):  # by which plugins say: none of mine
            continue
    return None


@contextmanager
def unlimited() -> Iterator[None]:
    """Lift Pillow's limit of pixels, one thread at a time: `check_size` has ours, which counts bytes."""
    with _alone:
        usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = usual


def decoded_bytes(image: Image.Image) -> int:
    """Return how much memory Pillow takes for the pixels of an opened image."""
    per_pixel = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}.get(image.mode, 4)
    return image.width * image.height * per_pixel


def check_size(image: Image.Image) -> None:
    """Check that an opened image is small enough to be decoded.

    Raises:
        OSError: it is not.
    """
    if (needed := decoded_bytes(image)) > LIMIT_BYTES:
        size = f"{image.width:,} × {image.height:,} pixels"
        raise OSError(
            f"has {size}: too large, as decoding takes {needed / 1e9:.1f} GB of at most {LIMIT_BYTES / 1e9:.1f}"
        )


def plain_image(image: Image.Image, mode: str, side: int) -> tuple[Image.Image, Box]:
    """Decode an opened image, turn it upright and convert it to ``mode``, L or RGB; return it, and where in it it lies.

    An image above `SHRUNK_PX` comes at a fraction of its size, but with at least twice ``side`` pixels a side.
    """
    if image.mode in UNKNOWN_RANGE and image.format != "PPM":  # which has a scale
        raise OSError(
            f"holds {UNKNOWN_RANGE[image.mode]}, whose range is unknown: save it with 8 or 16 bits per channel"
        )
    is_huge = image.width * image.height > SHRUNK_PX
    depth = sixteen_bit_depth(image)
    ImageOps.exif_transpose(image, in_place=True)
    factor = max(1, min(image.size) // (2 * side)) if is_huge else 1
    if image.mode == mode and factor == 1 and not image.has_transparency_data:
        return image, (0, 0, *image.size)
    plain, rows = Image.new(mode, [math.ceil(length / factor) for length in image.size]), factor
    rows *= max(1, STRIP_PX // (image.width * factor))
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        plain.paste(flattened(strip, depth).convert(mode).reduce(factor), (0, top // factor))
    return plain, (0, 0, image.width / factor, image.height / factor)


def sixteen_bit_depth(image: Image.Image) -> tuple[int, bool]:
    """Return how many bits of an opened image's 16 count, and whether 0 is white, which only a TIFF may say."""
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(258, (16,))[0] if image.mode.startswith("I;16") else 16
    return bits, image.mode.startswith("I;16") and tags.get(262) == 0


def flattened(image: Image.Image, depth: tuple[int, bool]) -> Image.Image:
    """Convert an image to eight bits per channel without transparency."""
    bits, is_inverted = depth
    if image.mode.startswith("I"):
        levels = (np.asarray(image).clip(0, 65535) >> (bits - 8)).astype(np.uint8)
        return Image.fromarray(255 - levels if is_inverted else levels)
    if image.has_transparency_data:
        clear = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    return image


def reason(error: Exception) -> str:
    """Return why a file could not be read, without its path."""
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, IsADirectoryError):
        return "is a folder without images"
    if isinstance(error, PermissionError):
        return "is not readable (permissions)"
    if isinstance(error, OSError) and error.errno is not None:
        return error.strerror or str(error)
    return str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"


def read_images(
    files: Sequence[ImageFile], *, height: int, width: int, channels: int
) -> tuple[PixelArray, dict[int, str]]:
    """Read many files with a few threads.

    Returns:
        Pixels, uint8 (n, height, width, channels), and the reason for each position that could not be read; its pixels
        are zero.
    """
    pixels = np.zeros((len(files), height, width, channels), np.uint8)

    def fill(position: int) -> str | None:
        try:
            pixels[position] = read_image(files[position], height=height, width=width, channels=channels)
        except OSError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(DECODE_THREADS) as threads:
        reasons = list(threads.map(fill, range(len(files))))
    return pixels, {position: text for position, text in enumerate(reasons) if text is not None}
