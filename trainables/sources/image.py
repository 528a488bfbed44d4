"""One image file → pixels, in the same way for training and for prediction."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from trainables.dataset import PixelArray

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
"""The extensions of image files, in lower case."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")
"""The formats that an image may have, whatever its name."""

DECODE_THREADS = 4
"""Pillow decodes outside the interpreter lock, so a few threads keep a few cores busy."""

LEFT_BEHIND = (
    "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information", "__macosx", "icon\r",
    "@eadir", "#recycle", "#snapshot", "lost+found", "__pycache__",
)  # fmt: skip
"""Names of what Windows, macOS, network storage, Linux and Python leave in folders, in lower case."""

ImageFile = Path | memoryview
"""A file that holds an image, or the content of one."""


def is_hidden(path: Path) -> bool:
    """Whether a file or folder was not put there by a person: a dot file, or what a system or program leaves behind."""
    return path.name.startswith(".") or path.name.casefold() in LEFT_BEHIND


def is_image_name(path: Path) -> bool:
    """Whether a name has the extension of an image, in upper or lower case."""
    return path.suffix.lower() in SUFFIXES


def read_image(file: ImageFile, *, height: int, width: int, channels: int) -> PixelArray:
    """Read an image as pixels, uint8 (height, width, channels); ``channels`` is 1 (grey) or 3 (RGB).

    It is rotated by its EXIF orientation, put on white if transparent, converted from its mode (grey, palette, CMYK,
    16 bits per channel: the high byte; the first frame of an animation), then resized without keeping its proportions,
    by a triangle filter that averages when shrinking. An image that has the size already keeps every pixel.

    Raises:
        OSError: there is no such file, or it holds no complete image; the message gives the reason in a few words.
    """
    try:
        with open_image(file) as opened:
            # A large JPEG is decoded at a half, a quarter or an eighth of its size, at least the size wanted.
            opened.draft(None, (max(height, width) * 2, max(height, width) * 2))
            upright = ImageOps.exif_transpose(opened)
            plain = flattened(upright).convert("L" if channels == 1 else "RGB")
            fitted = plain.resize((width, height), Image.Resampling.BILINEAR)
    except Exception as error:  # damaged bytes make Pillow raise nearly anything; in each case the file is at fault
        raise OSError(reason(error)) from error
    return np.asarray(fitted, dtype=np.uint8).reshape(height, width, channels)


def open_image(file: ImageFile) -> Image.Image:
    """Open an image and read its header, but not its pixels; the caller closes it.

    Raises:
        OSError: there is no such file, or it is empty or not an image.
    """
    if (file.stat().st_size if isinstance(file, Path) else file.nbytes) == 0:
        raise OSError("is empty (zero bytes)")
    return Image.open(file if isinstance(file, Path) else io.BytesIO(file), formats=FORMATS)


def flattened(image: Image.Image) -> Image.Image:
    """Convert an image to eight bits per channel without transparency."""
    if image.mode.startswith("I"):
        levels = np.asarray(image).astype(np.int64)
        return Image.fromarray((levels.clip(0, 65535) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    return image


def reason(error: Exception) -> str:
    """Return why a file could not be read, without its path."""
    if isinstance(error, UnidentifiedImageError):
        return "is not an image"
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, IsADirectoryError):
        return "is a folder without images"
    if isinstance(error, PermissionError):
        return "is not readable (permissions)"
    if isinstance(error, Image.DecompressionBombError):
        return "has more pixels than Pillow accepts"
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
