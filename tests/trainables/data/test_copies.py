"""Copies are told by what a decoder makes of them, and stay in one part; near-copies and double labels are named."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spaces.config.trial import Data, DigitsData, FolderData, NpzData, Split
from spaces.problem import InputError
from tests.trainables.sets import forget, noise
from trainables.data import store
from trainables.data.build import provided_parts, settled
from trainables.data.copies import examine_parts, full_pixels, nearest_copies, thumbnails
from trainables.data.load import describe, entry_of, leaked_test_images, load, load_test
from trainables.data.split import split_parts
from trainables.data.statistics import gather
from trainables.sources.part import Part, Parts, array_part

pytestmark = pytest.mark.usefixtures("cache")


def photo(seed: int, side: int = 48) -> Image.Image:
    """Something smooth, as photographs are."""
    small = Image.fromarray(noise(seed, 6, 6, 3))
    return small.resize((side, side), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, ending: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, ending, **options)
    return buffer.getvalue()


def dated(image: Image.Image, year: int) -> bytes:
    exif = Image.Exif()
    exif[0x132] = f"{year}:01:01 00:00:00"
    return encoded(image, "JPEG", quality=90, exif=exif)


def turned(image: Image.Image) -> bytes:
    """The image on its side, and the note that a viewer must turn it back."""
    exif = Image.Exif()
    exif[0x112] = 6
    return encoded(image.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


TWINS: dict[str, Callable[[int], tuple[bytes, bytes]]] = {
    "another date": lambda seed: (dated(photo(seed), 2020), dated(photo(seed), 2021)),
    "other compression": lambda seed: tuple(encoded(photo(seed), "PNG", compress_level=n) for n in (1, 9)),
    "another format": lambda seed: (encoded(photo(seed), "PNG"), encoded(photo(seed), "BMP")),
    "turned back by its orientation": lambda seed: (encoded(photo(seed), "PNG"), turned(photo(seed))),
    "progressive": lambda seed: tuple(
        encoded(photo(seed), "JPEG", quality=90, progressive=progressive) for progressive in (False, True)
    ),
    "a large JPEG, kept without loss": lambda seed: (
        encoded(photo(seed, 400), "JPEG", quality=90),
        encoded(opened(encoded(photo(seed, 400), "JPEG", quality=90)), "PNG", compress_level=1),
    ),
}
"""How a file becomes another one with the same pixels."""


def twins(root: Path, kind: str, count: int = 12) -> FolderData:
    """A folder of two classes, each image in it twice."""
    for number in range(count):
        home = root / "pictures" / "ab"[number % 2]
        home.mkdir(parents=True, exist_ok=True)
        for name, content in zip(("first", "second"), TWINS[kind](number), strict=True):
            (home / f"{number}-{name}.png").write_bytes(content)
    return FolderData(source="folder", path=str(root / "pictures"), image_size=48, validation=0.3, test=0.2)


def held(data: Data) -> list[set[bytes]]:
    """The decoded images of each part, in their own size."""
    part, positions = provided_parts(data).train, entry_of(data).statistics.positions
    assert part.stored is not None
    return [{full_pixels(part.stored(int(at))).tobytes() for at in positions[name]} for name in positions]


def trained_on(data: Data, seed: int | None) -> list[set[bytes]]:
    dataset = load(data, resplit_seed=seed)
    parts = (part.read(np.arange(len(part))) for part in (dataset.train, dataset.validation, load_test(data)))
    return [{image.tobytes() for image in pixels} for pixels in parts]


def are_apart(parts: list[set[bytes]]) -> bool:
    return sum(map(len, parts)) == len(set().union(*parts))


@pytest.mark.parametrize("kind", TWINS)
def test_no_decoded_image_stands_in_two_parts(kind: str, tmp_path: Path) -> None:
    data = twins(tmp_path, kind)
    parts = held(data)
    assert are_apart(parts)
    assert len(set().union(*parts)) == 12
    assert sum(map(sum, describe(data).counts.values())) == 24
    assert all(are_apart(trained_on(data, seed)) for seed in (None, 1, 2))
    assert describe(data).leaks == leaked_test_images(data) == ()


def test_runs_from_before_are_divided_as_they_were(tmp_path: Path) -> None:
    data = twins(tmp_path, "other compression").model_copy(update={"copies": "bytes"})
    chosen = [provided_parts(data).train.name(int(at)) for at in entry_of(data).statistics.positions["validation"]]
    # As Tunehound 0.1.0 chose.
    assert chosen == [
        *("a/0-second.png", "a/4-first.png", "a/6-first.png"),
        *("b/11-first.png", "b/3-first.png", "b/3-second.png"),
    ]
    assert len(leaked_test_images(data)) == 5
    assert len(describe(data).leaks) == 3


def test_copies_across_the_parts_that_a_user_brings_are_named(tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    for name, start in (("train", 0), ("val", 20), ("test", 40)):
        for number in range(start, start + 4):
            (root / name / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
            (root / name / "ab"[number % 2] / f"{number}.jpg").write_bytes(dated(photo(number), 2020))
    (root / "val" / "a" / "copy.jpg").write_bytes(dated(photo(2), 2021))
    (root / "test" / "a" / "copy.jpg").write_bytes(dated(photo(20), 2021))
    data = FolderData(source="folder", path=str(root), image_size=48)
    assert [str(leak) for leak in describe(data).leaks] == [
        "train: train/a/2.jpg = validation: val/a/copy.jpg",
        "validation: val/a/20.jpg = test: test/a/copy.jpg",
    ]
    assert len(leaked_test_images(data)) == 1


def test_each_copy_in_the_test_part_counts(write_npz: Callable[..., Path]) -> None:
    train = noise(0, 20, 4, 4)
    data = NpzData(source="npz", path=str(write_npz(x_test=train[[3, 3, 3]], y_test=np.array([0, 1, 0]))))
    assert len(leaked_test_images(data)) == 3
    assert len([leak for leak in describe(data).leaks if leak.second.startswith("test")]) == 3


def test_an_image_under_two_labels_is_named_with_both(tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    for number in range(10):
        for label, year in (("a", 2020), ("b", 2021)):
            (root / label).mkdir(parents=True, exist_ok=True)
            same = number < 2
            content = dated(photo(number if same else number + 100 * (label == "b")), year)
            (root / label / f"{number}.jpg").write_bytes(content)
    info = describe(FolderData(source="folder", path=str(root), image_size=48))
    told = sorted(" ".join(sorted((leak.first.split(": ")[1], leak.second.split(": ")[1]))) for leak in info.two_labels)
    assert told == ["a/0.jpg (a) b/0.jpg (b)", "a/1.jpg (a) b/1.jpg (b)"]
    assert info.leaks == ()


NEAR: dict[str, Callable[[Image.Image], bytes]] = {
    "compressed again": lambda image: encoded(image, "JPEG", quality=40),
    "smaller": lambda image: encoded(image.resize((60, 60), Image.Resampling.LANCZOS), "PNG"),
    "larger": lambda image: encoded(image.resize((200, 200), Image.Resampling.BICUBIC), "WEBP", quality=80),
}


@pytest.mark.parametrize("kind", NEAR)
def test_a_near_copy_is_named_and_a_setting_silences_it(kind: str, tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    for name, start in (("train", 0), ("val", 20), ("test", 40)):
        for number in range(start, start + 4):
            (root / name / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
            photo(number, 96).save(root / name / "ab"[number % 2] / f"{number}.png")
    (root / "test" / "a" / "near.png").write_bytes(NEAR[kind](photo(2, 96)))
    data = FolderData(source="folder", path=str(root), image_size=64)
    found = describe(data)
    assert [str(leak) for leak in found.near_copies or ()] == ["train: train/a/2.png = test: test/a/near.png"]
    assert found.leaks == ()
    assert describe(data.model_copy(update={"near_copies": False})).near_copies is None


def test_flat_images_and_noise_are_near_copies_of_nothing() -> None:
    flat = np.arange(0, 200, 10, dtype=np.uint8).repeat(40 * 40 * 3).reshape(20, 40, 40, 3)
    for pixels in (flat, flat // 3 + noise(0, 20, 40, 40, 3) // 100, noise(1, 40, 40, 40, 3)):
        small, half = thumbnails(pixels), len(pixels) // 2
        assert (nearest_copies(small[:half], small[half:]) == -1).all()


def test_images_too_small_to_tell_are_not_compared() -> None:
    assert describe(DigitsData(source="digits")).near_copies is None


def counting(part: Part, reads: list[int]) -> Part:
    """The same part, which notes what is read of it."""
    pixels = part.read(np.arange(len(part)))

    def read(positions: np.ndarray) -> np.ndarray:
        reads.extend(positions.tolist())
        return pixels[positions]

    return Part(labels=part.labels, image_shape=part.image_shape, read=read, name=part.name)


@pytest.mark.parametrize(("on_disk", "times"), [(True, 1), (False, 2)])
def test_every_image_is_decoded_once_if_the_disk_has_space(on_disk: bool, times: int, tmp_path: Path) -> None:
    reads: list[int] = []
    part = array_part(noise(0, 40, 8, 8, 3), np.arange(40) % 2, lambda position: f"image[{position}]")
    given = Parts(train=counting(part, reads), class_names=("a", "b"))
    parts, examined = examine_parts(given, name="some", spool_folder=tmp_path if on_disk else None)
    divided = split_parts(parts, Split(), "somewhere")
    gather(divided, ("a", "b"), keep=lambda *_: None, name="some", examined=examined)
    assert max(reads.count(position) for position in range(40)) == times
    assert list(tmp_path.iterdir()) == []


def test_a_set_that_is_streamed_compares_bytes_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = twins(tmp_path, "another date")
    monkeypatch.setenv(store.LIMIT, "0")
    info = describe(data)
    assert (info.compared, info.streamed, info.near_copies) == ("bytes", True, None)
    assert not are_apart(held(settled(data)))
    forget()
    asked = data.model_copy(update={"copies": "pixels"})
    assert (describe(asked).compared, describe(asked).streamed) == ("pixels", False)
    assert are_apart(held(asked))


def test_a_damaged_image_of_any_part_is_named_before_anything_is_divided(tmp_path: Path) -> None:
    data = twins(tmp_path, "another date")
    for name in ("a/0-first.png", "b/11-second.png"):
        (Path(data.path) / name).write_bytes(b"no image")
    with pytest.raises(InputError, match=r"got 2: a/0-first\.png"):
        describe(data)
