"""The formats of pictures: by content what is read, by name what is not, with the remedy."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from trainables import image_formats
from trainables.image_formats import HEAD_BYTES, READ, SUFFIXES, explain, formats, is_image_name, refused_name
from trainables.sources.image import is_picture, read_image


def test_pillow_knows_every_format_and_extension() -> None:
    Image.init()
    assert set(READ) <= set(Image.OPEN)
    known = Image.registered_extensions() | {".dib": "BMP"}
    assert {suffix: known[suffix] for suffixes in READ.values() for suffix in suffixes} == {
        suffix: format for format, suffixes in READ.items() for suffix in suffixes
    }


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"%PDF-1.7", "is not an image but a PDF document"),
        (b"8BPS\x00\x01", "is not an image but a Photoshop file"),
        (b"\xff\x0a\x0f", "is not an image but a JPEG XL picture"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "is not an image but an SVG drawing"),
        (b"\n<!DOCTYPE html><html>404</html>", "is not an image but a web page"),
        ("\ufeffname;class\n".encode(), "is not an image but text"),
        (b"PK\x03\x04\x14", "is not an image but a ZIP archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is not an image but a pointer of Git LFS"),
        (b"\xff\xd8\xff\xe0", "is a damaged JPEG file"),
        (b"II*\x00\xff", "is a damaged TIFF file"),
        (b"\x00\x01\x02", "is not an image"),
    ],
)
def test_what_is_not_read_is_named(head: bytes, why: str) -> None:
    assert explain(head[:HEAD_BYTES]).startswith(why)


def test_a_heic_picture_is_read_with_its_package_and_else_refused_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {".heic", ".heif"} < set(SUFFIXES)
    assert image_formats.HEIF in formats()
    Image.new("RGB", (64, 64), "white").save(tmp_path / "a.heic")
    assert read_image(tmp_path / "a.heic", height=8, width=8, channels=3).min() > 250
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    formats.cache_clear()
    (tmp_path / "b.heic").write_bytes(b"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00mif1heic")
    with pytest.raises(OSError, match=r"needs a package: pip install 'tunehound\[heif\]'; or convert it to JPEG$"):
        read_image(tmp_path / "b.heic", height=8, width=8, channels=3)
    formats.cache_clear()


@pytest.mark.parametrize("name", ["a.CR2", "a.svg", "a.psd", "a.pdf", "a.jxl", "a.dcm"])
def test_other_pictures_are_refused_by_their_name_and_are_none_of_ours(tmp_path: Path, name: str) -> None:
    assert not is_image_name(Path(name))
    assert "which is not read: export it as PNG or JPEG" in (refused_name(Path(name)) or "")
    (tmp_path / name).write_bytes(b"II*\x00 may open as a TIFF")
    with pytest.raises(OSError, match="export it as PNG or JPEG"):
        read_image(tmp_path / name, height=8, width=8, channels=3)


def test_a_picture_is_one_by_its_extension_or_its_content(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "no-extension", "PNG")
    (tmp_path / "notes.txt").write_text("P3 of the notes")
    (tmp_path / "paper.pdf").write_bytes(b"%PDF")
    found = {
        name: is_picture(tmp_path / name) for name in ("no-extension", "notes.txt", "paper.pdf", "gone.jpg", "a.nef")
    }
    assert [name for name, one in found.items() if one] == ["no-extension", "gone.jpg", "a.nef"]
