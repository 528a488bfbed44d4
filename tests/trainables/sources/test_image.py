"""Decoding: every kind of image becomes the pixels that a person would see."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainables.sources.image import read_image, read_images


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def colours(path: Path, *, size: int = 8) -> np.ndarray:
    return read_image(path, height=size, width=size, channels=3)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "ppm", "apng", "jp2"])
def test_an_image_that_fits_keeps_every_pixel(tmp_path: Path, ending: str) -> None:
    pixels, path = noise(0, 8, 8, 3), tmp_path / f"a.{ending}"
    Image.fromarray(pixels).save(path)
    assert (colours(path) == pixels).all()


def test_a_grey_image_that_fits_keeps_every_pixel_in_one_channel(tmp_path: Path) -> None:
    pixels, path = noise(0, 8, 8), tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    assert (read_image(path, height=8, width=8, channels=1)[..., 0] == pixels).all()


def test_grey_becomes_three_equal_channels(tmp_path: Path) -> None:
    pixels, path = noise(0, 8, 8), tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    assert (colours(path) == pixels[..., np.newaxis]).all()


def test_transparent_pixels_lie_on_white(tmp_path: Path) -> None:
    pixels, path = np.zeros((8, 8, 4), np.uint8), tmp_path / "a.png"
    pixels[4:, :, 3] = 255
    Image.fromarray(pixels).save(path)
    assert (colours(path)[:4] == 255).all()
    assert (colours(path)[4:] == 0).all()


def test_a_transparent_colour_of_a_palette_lies_on_white(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    image = Image.fromarray(np.repeat([[0] * 4 + [1] * 4], 8, axis=0).astype(np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.save(path, transparency=0)
    assert colours(path)[0, 0].tolist() == [255, 255, 255]
    assert colours(path)[0, 7].tolist() == [0, 0, 255]


def test_cmyk_becomes_the_colours_that_it_prints(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8), (200, 40, 40)).convert("CMYK").save(path, quality=100)
    assert np.abs(colours(path).astype(int) - [200, 40, 40]).max() < 8


def test_sixteen_bits_keep_their_high_byte(tmp_path: Path) -> None:
    pixels, path = noise(0, 8, 8), tmp_path / "a.png"
    Image.fromarray(pixels.astype(np.uint16) * 256 + 7).save(path)
    assert (colours(path) == pixels[..., np.newaxis]).all()


def test_black_and_white_becomes_0_and_255(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(noise(0, 8, 8) > 127).save(path)
    assert set(np.unique(colours(path))) == {0, 255}


def test_an_image_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    pixels, path = np.zeros((8, 8, 3), np.uint8), tmp_path / "a.jpg"
    pixels[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn clockwise by a quarter": the upper half is on the right when upright
    Image.fromarray(pixels).save(path, exif=exif, quality=100)
    upright = colours(path)
    assert upright[:, 5:].min() > 200
    assert upright[:, :3].max() < 50


def test_shrinking_averages_instead_of_skipping(tmp_path: Path) -> None:
    board, path = np.indices((64, 64)).sum(axis=0) % 2 * 255, tmp_path / "a.png"
    Image.fromarray(board.astype(np.uint8)).save(path)
    assert np.abs(colours(path).astype(int) - 128).max() <= 2


def test_a_large_jpeg_is_shrunk_as_a_small_one_is(tmp_path: Path) -> None:
    ramp, path = np.linspace(0, 255, 800).astype(np.uint8), tmp_path / "a.jpg"
    Image.fromarray(np.tile(ramp, (800, 1))).save(path, quality=95)
    assert np.abs(colours(path)[0, :, 0] - (np.arange(8) + 0.5) * 255 / 8).max() < 4


def test_an_animation_shows_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert colours(path)[0, 0].tolist() == [255, 0, 0]


def test_the_several_pictures_of_a_phone_in_one_file_show_the_first(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("white", "black")]
    frames[0].save(path, "MPO", save_all=True, append_images=frames[1:])
    assert colours(path).min() == 255


def test_the_content_counts_not_the_ending(tmp_path: Path) -> None:
    pixels, path = noise(0, 8, 8, 3), tmp_path / "a.jpg"
    Image.fromarray(pixels).save(path, "PNG")
    assert (colours(path) == pixels).all()


def test_sides_need_not_be_equal(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(noise(0, 8, 8, 3)).save(path)
    assert read_image(path, height=3, width=5, channels=3).shape == (3, 5, 3)


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp", "gif", "webp", "tif", "avif"])
def test_a_truncated_file_is_told(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    Image.fromarray(noise(0, 32, 32, 3)).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(OSError):
        colours(path)


def test_an_image_above_the_limit_is_told_by_its_header_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(noise(0, 32, 32, 3)).save(path)
    header = b"IHDR" + struct.pack(">II", 60_000, 60_000) + path.read_bytes()[24:29]
    path.write_bytes(path.read_bytes()[:12] + header + struct.pack(">I", zlib.crc32(header)) + path.read_bytes()[33:])
    with pytest.raises(
        OSError, match=r"^has 60,000 × 60,000 pixels: too large, as decoding takes 14\.4 GB of at most 2\.1$"
    ):
        colours(path)


@pytest.mark.parametrize("ending", ["png", "tif", "gif"])
def test_a_huge_image_is_averaged_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    ramp, path = np.linspace(0, 255, 600).astype(np.uint8), tmp_path / f"a.{ending}"
    Image.fromarray(np.tile(ramp, (500, 1))).save(path)
    usual = colours(path).astype(int)
    for name, pixels in (("SHRUNK_PX", 10_000), ("ALONE_PX", 10_000), ("STRIP_PX", 5_000)):
        monkeypatch.setattr(f"trainables.sources.image.{name}", pixels)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)  # Pillow would refuse it
    assert np.abs(colours(path) - usual).max() <= 1
    assert Image.MAX_IMAGE_PIXELS == 10_000


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "avif", "webp"])
def test_every_format_is_turned_as_its_camera_says_and_only_once(tmp_path: Path, ending: str, orientation: int) -> None:
    pixels, path = np.zeros((16, 16, 3), np.uint8), tmp_path / f"a.{ending}"
    pixels[:8, :8], pixels[:8, 8:] = 255, 128
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif, quality=95)
    upright = Image.fromarray(pixels)
    turned = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # orientation → Pillow's method
    if orientation in turned:
        upright = upright.transpose(Image.Transpose(turned[orientation]))
    corners = np.ix_([2, 13], [2, 13])
    assert np.abs(colours(path, size=16).astype(int) - np.asarray(upright).astype(int))[corners].max() < 12


def tiff(path: Path, pixels: np.ndarray, **tags: int) -> np.ndarray:
    """What is read of a TIFF whose tags are set after it is written as Pillow writes it."""
    Image.fromarray(pixels).save(path, tiffinfo={int(name[1:]): value for name, value in tags.items()})
    return read_image(path, height=len(pixels), width=len(pixels), channels=1)[..., 0]


def test_sixteen_bits_of_a_tiff_keep_their_high_byte_and_0_may_be_white(tmp_path: Path) -> None:
    pixels = noise(0, 8, 8)
    assert (tiff(tmp_path / "a.tif", pixels.astype(np.uint16) * 256 + 7) == pixels).all()
    assert (tiff(tmp_path / "b.tif", pixels.astype(np.uint16) * 256 + 7, t262=0) == 255 - pixels).all()


@pytest.mark.parametrize(
    ("mode", "what"), [("F", "floating-point numbers"), ("I", "signed or 32-bit integers"), ("LAB", "LAB colours")]
)
def test_pixels_whose_black_and_white_are_unknown_are_refused(tmp_path: Path, mode: str, what: str) -> None:
    Image.new(mode, (8, 8)).save(tmp_path / "a.tif")
    with pytest.raises(OSError, match=f"^holds {what}, whose range is unknown: save it with 8 or 16 bits per channel$"):
        colours(tmp_path / "a.tif")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_a_tiff_of_every_mode_is_read(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.tif"
    grey = Image.new("L", (8, 8), 255)
    (Image.new(mode, (8, 8), 65_535) if mode == "I;16" else grey.convert("RGB").convert(mode)).save(path)
    assert colours(path).min() >= 254


@pytest.mark.parametrize("kind", ["tiff", "png", "webp", "avif"])
def test_the_first_of_several_pages_or_frames_counts(tmp_path: Path, kind: str) -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("white", "black"))
    first.save(tmp_path / "a", kind.upper(), save_all=True, append_images=[second])
    assert colours(tmp_path / "a").min() > 250


def test_a_pipe_and_a_folder_are_told_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    for path, why in (
        (tmp_path / "a.png", "is a pipe or a device, not a file"),
        (tmp_path, "is a folder without images"),
    ):
        with pytest.raises(OSError, match=f"^{why}$"):
            colours(path)


def test_a_name_too_long_for_the_disk_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"^File name too long$"):
        colours(tmp_path / ("a" * 300))


def test_many_files_are_read_in_their_order_with_the_bad_ones_told(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(10)]
    for number, path in enumerate(paths):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(path)
    paths[3].unlink()
    pixels, failed = read_images(paths, height=8, width=8, channels=1)
    assert pixels[:, 0, 0, 0].tolist() == [0, 1, 2, 0, 4, 5, 6, 7, 8, 9]
    assert failed == {3: "does not exist"}
