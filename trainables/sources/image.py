"""One image file → pixels: the same way for training data and for prediction."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from trainables.dataset import PixelArray

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
"""What the name of an image ends in, in lower case."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")
"""What an image may be inside, whatever its name says."""

DECODE_THREADS = 4
"""Pillow decodes outside the interpreter lock, so a few threads keep a few cores busy."""


ImageFile = Path | memoryview
"""A file that holds an image, or what stands in one."""


def is_hidden(path: Path) -> bool:
    """Whether a file or folder is none that a person put there: a dot file, or what Windows leaves behind."""
    return path.name.startswith(".") or path.name in ("Thumbs.db", "desktop.ini")


def is_image_name(path: Path) -> bool:
    """Whether the name ends like that of an image, in capitals or not."""
    return path.suffix.lower() in SUFFIXES


def read_image(file: ImageFile, *, height: int, width: int, channels: int) -> PixelArray:
    """The image in a file as pixels, uint8 (height, width, channels); ``channels`` is 1 (grey) or 3 (RGB).

    Turned as its EXIF orientation says, laid on white where it is transparent, converted from whatever it is (grey,
    palette, CMYK, 16 bits a channel: the high byte; of an animation the first frame), then resized to fit, its sides
    not kept in proportion, by a triangle filter that averages when shrinking. An image that fits already keeps every
    pixel.

    Raises:
        OSError: there is no such file, or it holds no whole image; the message says why, in a few words.
    """
    try:
        with opened_image(file) as opened:
            # A large JPEG is decoded at a half, a quarter or an eighth of its size, at least the size wanted.
            opened.draft(None, (max(height, width) * 2, max(height, width) * 2))
            upright = ImageOps.exif_transpose(opened)
            plain = flattened(upright).convert("L" if channels == 1 else "RGB")
            fitted = plain.resize((width, height), Image.Resampling.BILINEAR)
    except Exception as error:  # damaged bytes make Pillow raise nearly anything; in each case the file is at fault
        raise OSError(reason(error)) from error
    return np.asarray(fitted, dtype=np.uint8).reshape(height, width, channels)


def opened_image(file: ImageFile) -> Image.Image:
    """The image in a file, its header read and its pixels not yet; whoever opens it closes it.

    Raises:
        OSError: there is no such file, or it is empty or holds no image.
    """
    if (file.stat().st_size if isinstance(file, Path) else file.nbytes) == 0:
        raise OSError("is empty (zero bytes)")
    return Image.open(file if isinstance(file, Path) else io.BytesIO(file), formats=FORMATS)


def flattened(image: Image.Image) -> Image.Image:
    """The same image with eight bits a channel and nothing transparent."""
    if image.mode.startswith("I"):
        levels = np.asarray(image).astype(np.int64)
        return Image.fromarray((levels.clip(0, 65535) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
    return image


def reason(error: Exception) -> str:
    """Why a file could not be read, without its path, which the reader is told beside it."""
    if isinstance(error, UnidentifiedImageError):
        return "is no image"
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, IsADirectoryError):
        return "is a folder without images"
    if isinstance(error, PermissionError):
        return "may not be read"
    if isinstance(error, Image.DecompressionBombError):
        return "has more pixels than Pillow accepts"
    return str(error) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"


def read_images(
    files: Sequence[ImageFile], *, height: int, width: int, channels: int
) -> tuple[PixelArray, dict[int, str]]:
    """Many files at once, by a few threads.

    Returns:
        Pixels, uint8 (n, height, width, channels), and for each position that could not be read the reason; its
        pixels are zero.
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
