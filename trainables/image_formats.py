"""The formats of pictures: which are read, which need another package, and which are refused by their name."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from pathlib import Path

READ = {
    "AVIF": (".avif",),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "JPEG2000": (".jp2", ".j2k"),
    "PNG": (".png", ".apng"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
"""Pillow's name of each format that is read → its extensions, in lower case. Content decides, not the extension."""

HEIF, HEIF_SUFFIXES = "HEIF", (".heic", ".heif", ".hif")
"""The format of phones, which Pillow reads only with `HEIF_PACKAGE`."""
HEIF_PACKAGE, HEIF_EXTRA = "pillow_heif", "tunehound[heif]"

SUFFIXES = tuple(sorted([*HEIF_SUFFIXES, *(suffix for suffixes in READ.values() for suffix in suffixes)]))
"""The extensions of image files, in lower case."""

RAW = (".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".sr2", ".srw")
EXPORT = "export it as PNG or JPEG"
DOCUMENTS = {**dict.fromkeys((".ai", ".eps", ".ps"), "a PostScript drawing"), ".pdf": "a PDF document"}
"""Extension, in lower case → what it is: documents that may stand for pictures, or lie beside them."""
REFUSED = DOCUMENTS | {
    **dict.fromkeys(RAW, "a camera's raw file"),
    **dict.fromkeys((".dcm", ".dicom"), "a DICOM file"),
    **dict.fromkeys((".exr", ".hdr"), "a picture of floating-point numbers"),
    **dict.fromkeys((".psd", ".psb"), "a Photoshop file"),
    **dict.fromkeys((".svg", ".svgz"), "an SVG drawing"),
    ".jxl": "a JPEG XL picture",
    ".xcf": "a GIMP file",
}
"""Extension, in lower case → what it is: pictures that are not read, whatever is installed."""

MAGIC = {
    b"%PDF": "a PDF document",
    b"%!PS": "a PostScript drawing",
    b"8BPS": "a Photoshop file",
    b"\xff\x0a": "a JPEG XL picture",
    b"\x00\x00\x00\x0cJXL ": "a JPEG XL picture",
    b"v/1\x01": "a picture of floating-point numbers",
    b"gimp xcf": "a GIMP file",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x93NUMPY": "a NumPy array",
    b"version https://git-lfs": "a pointer of Git LFS (fetch the file itself by `git lfs pull`)",
}
"""The first bytes of a file → what it is, if it is no image that is read."""
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
STARTS = {
    b"\xff\xd8": "JPEG",
    b"\x89PNG": "PNG",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"RIFF": "WEBP",
}
"""The first bytes of formats that are read: a file that has them and cannot be opened is damaged."""
HEAD_BYTES = 512
"""How much of a file is enough to say what it is."""


def is_image_name(path: Path) -> bool:
    """Whether a name has the extension of an image, in upper or lower case."""
    return path.suffix.lower() in SUFFIXES


def is_picture_name(path: Path) -> bool:
    """Whether a name has the extension of a picture, whether it is read or not."""
    return path.suffix.lower() in {*SUFFIXES, *REFUSED} - {*DOCUMENTS}


def refused_name(path: Path) -> str | None:
    """Return why a picture cannot be read, by its extension; None for other names."""
    kind = REFUSED.get(path.suffix.lower())
    return f"is {kind}, which is not read: {EXPORT}" if kind else None


@cache
def formats() -> tuple[str, ...]:
    """Return Pillow's names of the formats that are read here: HEIF too, if its package is installed."""
    if importlib.util.find_spec(HEIF_PACKAGE) is None:
        return tuple(READ)
    importlib.import_module(HEIF_PACKAGE).register_heif_opener()
    return (*READ, HEIF)


def explain(head: bytes) -> str:
    """Say what a file is that Pillow does not open as one of the `formats`; ``head`` is its first `HEAD_BYTES`."""
    if head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS and HEIF not in formats():
        return f"is a HEIC picture, which needs a package: pip install '{HEIF_EXTRA}'; or convert it to JPEG"
    kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None) or text_kind(head)
    if kind is not None:
        return f"is not an image but {kind}"
    format = next((format for magic, format in STARTS.items() if head.startswith(magic)), None)
    return f"is a damaged {format} file, or of a rare kind that is not read" if format else "is not an image"


def text_kind(head: bytes) -> str | None:
    """Return what kind of text a file begins with; None if that is no text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    start = head.decode("utf-8", errors="ignore").removeprefix("\ufeff").lstrip().lower()
    if b"\x00" in head or not start or sum(letter.isprintable() or letter.isspace() for letter in start) < len(start):
        return None
    if "<svg" in start:
        return "an SVG drawing"
    return "a web page" if start.startswith(("<!doctype html", "<html")) else "text"
