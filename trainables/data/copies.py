"""What identifies images: copies have the same pixels, near-copies look alike: resized, or compressed again.

Near-copies are found by a perceptual hash as in Zauner, "Implementation and Benchmarking of Perceptual Image Hash
Functions" (2010), section 3.2.1: the low frequencies of a small grey version. They are compared by their distance
instead of bit by bit, because compression flips the signs of frequencies near zero; and a tree finds the nearest image
without trying all pairs.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn
from scipy.spatial import KDTree

from spaces.problem import InputError
from trainables.dataset import PixelArray, PositionArray
from trainables.sources.image import ImageFile, check_size, open_image, plain_image
from trainables.sources.part import Digests, Part, Parts, digests

DIGEST_BYTES = 16
PROGRESS_EVERY_S = 10.0
JPEG = b"\xff\xd8"
"""The first bytes of such a file."""
SIDE_PX = 16
"""Side of the small versions."""
SMALLEST_PX = 32
"""Smaller images are not compared: too many different ones look alike."""
FREQUENCIES = 6
"""Frequencies in each direction by which a candidate is found."""
MAX_DIFFERENCE = 4.0
"""Near-copies differ by at most this many of 256 levels (root mean square over the small versions), …"""
MAX_SHARE = 0.1
"""… and by at most this share of the standard deviation of the levels within the image: flat images all look alike."""

logger = logging.getLogger(__name__)

DigestArray = NDArray[np.uint8]
"""Digests of images, (n, 16)."""


@dataclass(frozen=True, eq=False)
class Marks:
    """What identifies the images of a part."""

    digests: DigestArray
    """Digests of their pixels as they are trained on."""
    thumbnails: PixelArray
    """Small grey versions, uint8 (n, side, side)."""

    def __getitem__(self, positions: PositionArray) -> Marks:
        return Marks(self.digests[positions], self.thumbnails[positions])


@dataclass
class MarksBuilder:
    """Collects the marks of images that are read piece by piece."""

    _digests: list[bytes] = field(default_factory=list)
    _thumbnails: list[PixelArray] = field(default_factory=list)

    def add(self, pixels: PixelArray) -> None:
        """Add the next images, uint8 (n, height, width, channels)."""
        self._digests += digests(pixels)
        self._thumbnails.append(thumbnails(pixels))

    def __len__(self) -> int:
        return len(self._digests)

    def marks(self) -> Marks:
        """Return the marks of all images so far, of which there is at least one."""
        return Marks(as_array(self._digests), np.concatenate(self._thumbnails))


def as_array(found: Sequence[bytes]) -> DigestArray:
    """Return digests as an array, uint8 (n, 16)."""
    return np.frombuffer(b"".join(found), np.uint8).reshape(-1, DIGEST_BYTES)


def examine(part: Part, *, name: str, keep: Callable[[PixelArray], object] = lambda pixels: None) -> Marks:
    """Read every image of a part once and return their marks; the pixels are passed to ``keep``, piece by piece.

    Raises:
        InputError: images cannot be read.
    """
    found = MarksBuilder()
    for pixels in with_progress(part.pieces(np.arange(len(part), dtype=np.int64)), len(part), name):
        found.add(pixels)
        keep(pixels)
    return found.marks()


def with_progress(pieces: Iterator[PixelArray], total: int, name: str) -> Iterator[PixelArray]:
    """Yield the same pieces of ``total`` images, and log the progress if it takes long."""
    done, last = 0, time.monotonic()
    for pixels in pieces:
        yield pixels
        done += len(pixels)
        if time.monotonic() - last > PROGRESS_EVERY_S:
            last = time.monotonic()
            logger.info("Reading %s (once per machine): %s of %s images", name, f"{done:,}", f"{total:,}")


def examine_parts(parts: Parts, *, name: str, spool_folder: Path | None) -> tuple[Parts, dict[Part, Marks]]:
    """Return parts whose images are told apart by their pixels, and the marks of those that had to be read for it.

    The images to be divided are decoded once: into a nameless file in ``spool_folder`` from which they are read
    afterwards, or without such a folder once more when they are needed. A test part is read, but its pixels are not
    kept; if it does not consist of files and is damaged, it is left to `load_test`, which reports it. A validation part
    is read by whoever needs its pixels.

    Raises:
        InputError: images to be divided, or files of the test part, cannot be read.
    """
    marks: dict[Part, Marks] = {}
    if parts.test is None or parts.validation is None:
        train, found = spooled(parts.train, name, spool_folder)
        parts, marks[train] = replace(parts, train=train), found
    if parts.test is not None:
        try:
            marks[parts.test] = examine(parts.test, name=f"test of {name}")
        except InputError:
            if parts.test.failures is not None:
                raise
    return parts, marks


def spooled(part: Part, name: str, folder: Path | None) -> tuple[Part, Marks]:
    """Return the same images, told apart by their pixels and read from a file that vanishes with them; and their marks.

    Without a folder, or if its disk is full, they are read from where they were.
    """
    if folder is not None:
        with contextlib.suppress(OSError), TemporaryFile(dir=folder) as file:
            marks = examine(part, name=name, keep=lambda pixels: file.write(np.ascontiguousarray(pixels).data))
            marks = with_lossless_copies(part, marks)
            file.flush()
            pixels = np.memmap(file, np.uint8, "r", shape=(len(part), *part.image_shape))
            part = replace(part, read=lambda positions: np.asarray(pixels[positions]), in_order=None)
            return replace(part, digests=digests_in(marks)), marks
    marks = with_lossless_copies(part, examine(part, name=name))
    return replace(part, digests=digests_in(marks)), marks


def with_lossless_copies(part: Part, marks: Marks) -> Marks:
    """Return the marks with one digest for a JPEG and other files that decode to its pixels.

    Only they can differ in the size trained on: a JPEG much larger than that is decoded at a fraction of its size.
    """
    if part.stored is None or not marks.thumbnails.size:
        return marks
    is_jpeg = np.asarray([starts_as_jpeg(part.stored(position)) for position in range(len(part))])
    jpegs, others = np.flatnonzero(is_jpeg), np.flatnonzero(~is_jpeg)
    found = nearest_copies(marks.thumbnails[jpegs], marks.thumbnails[others])
    digests = marks.digests.copy()
    for other, near in zip(others[found >= 0], jpegs[found[found >= 0]], strict=True):
        if have_same_pixels(part.stored(int(other)), part.stored(int(near))):
            digests[digests_equal(digests, digests[other])] = digests[near]
    return replace(marks, digests=digests)


def starts_as_jpeg(file: ImageFile) -> bool:
    """Whether a file begins as a JPEG does."""
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return opened.read(2) == JPEG
    return bytes(file[:2]) == JPEG


def have_same_pixels(first: ImageFile, second: ImageFile) -> bool:
    """Whether two images have the same pixels in their own size, upright; no if that is too large to be decoded."""
    try:
        return np.array_equal(full_pixels(first), full_pixels(second))
    except OSError:
        return False


def full_pixels(file: ImageFile) -> PixelArray:
    """Return the pixels of an image in its own size, upright, uint8 (height, width, 3). Raises: OSError."""
    with open_image(file) as opened:
        check_size(opened)
        plain, _ = plain_image(opened, "RGB", max(opened.size))
        return np.asarray(plain)


def digests_equal(found: DigestArray, one: DigestArray) -> NDArray[np.bool_]:
    """Whether each digest is this one, bool (n,)."""
    return np.asarray((found == one).all(axis=1))


def digests_in(marks: Marks) -> Digests:
    """Return the function from positions to the digests in these marks."""
    return lambda positions: [each.tobytes() for each in marks.digests[positions]]


def groups(found: DigestArray) -> PositionArray:
    """For each image, return the position of the first one with the same digest, int64 (n,)."""
    _, first, which = np.unique(found, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[which.reshape(-1)], dtype=np.int64)


def thumbnails(pixels: PixelArray) -> PixelArray:
    """Return small grey versions, uint8 (n, 16, 16), of uint8 (n, height, width, channels); (n, 0, 0) if too small."""
    if min(pixels.shape[1:3]) < SMALLEST_PX:
        return np.zeros((len(pixels), 0, 0), np.uint8)
    small = [thumbnail(image) for image in pixels]
    return np.stack(small) if small else np.zeros((0, SIDE_PX, SIDE_PX), np.uint8)


def thumbnail(image: PixelArray) -> PixelArray:
    """Return the small grey version of one image, uint8 (16, 16): each pixel is the mean of those that it covers."""
    grey = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("L")
    return np.asarray(grey.resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX))


def nearest_copies(first: PixelArray, second: PixelArray) -> PositionArray:
    """For each image of ``second`` return the position of its near-copy among ``first``, int64 (m,), or -1.

    Both are `thumbnails`, (n, 16, 16) and (m, 16, 16).
    """
    if not first.size or not second.size:
        return np.full(len(second), -1, np.int64)
    tree = KDTree(frequencies(first))
    _, found = tree.query(frequencies(second), distance_upper_bound=MAX_DIFFERENCE * SIDE_PX)
    near = found < len(first)  # the tree's answer for nothing within the bound is their number
    near[near] = are_near(first[found[near]], second[near])
    return np.where(near, found, -1).astype(np.int64)


def frequencies(small: PixelArray) -> NDArray[np.float32]:
    """Return the low frequencies of `thumbnails`, float32 (n, 36); no two are farther apart than the thumbnails are."""
    values = dctn(small.astype(np.float32), axes=(1, 2), norm="ortho")[:, :FREQUENCIES, :FREQUENCIES]
    return np.ascontiguousarray(values.reshape(len(small), -1))


def are_near(first: PixelArray, second: PixelArray) -> NDArray[np.bool_]:
    """Whether the images of each pair are near-copies, bool (n,); both are `thumbnails`, (n, 16, 16)."""
    one, other = (small.astype(np.float32).reshape(len(small), SIDE_PX**2) for small in (first, second))
    difference = np.sqrt(((one - other) ** 2).mean(axis=1))
    contrast = np.minimum(one.std(axis=1), other.std(axis=1))
    return np.asarray((difference <= MAX_DIFFERENCE) & (difference <= MAX_SHARE * contrast))
