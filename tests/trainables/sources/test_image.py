"""Decoding: every kind of image becomes the pixels that a person would see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainables.sources.image import read_image, read_images


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def colours(path: Path, *, size: int = 8) -> np.ndarray:
    return read_image(path, height=size, width=size, channels=3)


@pytest.mark.parametrize("ending", ["png", "bmp"])
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


@pytest.mark.parametrize("ending", ["jpg", "png", "bmp", "gif", "webp"])
def test_a_truncated_file_is_told(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    Image.fromarray(noise(0, 32, 32, 3)).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(OSError):
        colours(path)


def test_a_huge_image_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(noise(0, 32, 32, 3)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(OSError, match="more pixels than Pillow accepts"):
        colours(path)


def test_many_files_are_read_in_their_order_with_the_bad_ones_told(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(10)]
    for number, path in enumerate(paths):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(path)
    paths[3].unlink()
    pixels, failed = read_images(paths, height=8, width=8, channels=1)
    assert pixels[:, 0, 0, 0].tolist() == [0, 1, 2, 0, 4, 5, 6, 7, 8, 9]
    assert failed == {3: "does not exist"}
