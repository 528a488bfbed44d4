"""What every data source promises, whatever it reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from spaces.config.trial import CsvData, Data, DigitsData, FolderData, NpzData, TfdsData
from spaces.problem import InputError
from tests.trainables.tfds_sets import prepare
from trainables.data.build import SOURCES
from trainables.data.load import describe, load, load_test

CLASSES = ("ant", "bee", "cat")


def picture(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (6, 6, 3), dtype=np.uint8)


def write_class_folders(root: Path, *, count: int, start: int = 0) -> None:
    for number, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for index in range(count):
            Image.fromarray(picture(start + number * count + index)).save(root / name / f"{index:02}.png")


def digits(_: Path, **split: Any) -> Data:
    return DigitsData(source="digits", **split)


def npz(place: Path, **split: Any) -> Data:
    path = place / "arrays.npz"
    if not path.exists():
        images = np.stack([picture(number) for number in range(75)])
        np.savez(path, x_train=images, y_train=np.arange(75) % 3, class_names=np.array(CLASSES))
    return NpzData(source="npz", path=str(path), **split)


def npz_in_parts(place: Path, **split: Any) -> Data:
    path = place / "arrays.npz"
    if not path.exists():
        keys, sizes = ("train", "val", "test"), (30, 9, 12)
        images = {
            f"x_{key}": np.stack([picture(100 * size + n) for n in range(size)])
            for key, size in zip(keys, sizes, strict=True)
        }
        np.savez(path, **images, **{f"y_{key}": np.arange(size) % 3 for key, size in zip(keys, sizes, strict=True)})
    return NpzData(source="npz", path=str(path), **split)


def folder(place: Path, **split: Any) -> Data:
    if not (place / "pictures").exists():
        write_class_folders(place / "pictures", count=25)
    return FolderData(source="folder", path=str(place / "pictures"), image_size=6, **split)


def folder_in_parts(place: Path, **split: Any) -> Data:
    if not (place / "pictures").exists():
        for number, part in enumerate(("train", "val", "test")):
            write_class_folders(place / "pictures" / part, count=10 - number, start=100 * number)
    return FolderData(source="folder", path=str(place / "pictures"), image_size=6, **split)


def csv(place: Path, **split: Any) -> Data:
    if not (place / "pictures").exists():
        write_table(place, [(f"{number:02}", CLASSES[number % 3]) for number in range(75)])
    return CsvData(source="csv", labels=str(place / "labels.csv"), path=str(place / "pictures"), image_size=6, **split)


def write_table(place: Path, rows: list[tuple[str, str]]) -> None:
    (place / "pictures").mkdir(exist_ok=True)
    for number, (name, _) in enumerate(rows):
        Image.fromarray(picture(number)).save(place / "pictures" / f"{name}.png")
    lines = ["id,breed", *(f"{name},{label}" for name, label in rows)]
    (place / "labels.csv").write_text("\n".join(lines) + "\n")


def tfds(place: Path, **split: Any) -> Data:
    return prepared(place.parent / "tfds", {"train": range(75)}, **split)


def tfds_in_parts(place: Path, **split: Any) -> Data:
    parts = {"train": range(30), "validation": range(100, 109), "test": range(200, 212)}
    return prepared(place.parent / "tfds-in-parts", parts, **split)


def prepared(shared: Path, splits: Mapping[str, range], **split: Any) -> Data:
    """Written once for all tests: it takes seconds."""
    if not shared.exists():
        prepare(shared, splits)
    return TfdsData(source="tfds", name="little", data_dir=str(shared), **split)


Make = Callable[..., Data]
MAKERS: tuple[Make, ...] = (digits, npz, npz_in_parts, folder, folder_in_parts, csv, tfds, tfds_in_parts)
DIVIDED_BY_US: tuple[Make, ...] = (digits, npz, folder, csv, tfds)
MOVABLE: tuple[Make, ...] = (npz, npz_in_parts, folder, folder_in_parts, csv)

every_source = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
every_source_that_we_divide = pytest.mark.parametrize("make", DIVIDED_BY_US, ids=lambda make: make.__name__)
every_movable_source = pytest.mark.parametrize("make", MOVABLE, ids=lambda make: make.__name__)


def change_one_pixel(place: Path) -> None:
    """Changes one pixel of every image that may be of train."""
    archive = place / "arrays.npz"
    if archive.exists():
        arrays = dict(np.load(archive))
        arrays["x_train"][:, 0, 0, 0] ^= 1
        np.savez(archive, **arrays)
    else:
        root = place / "pictures"
        for file in (root / "train" if (root / "train").exists() else root).rglob("*.png"):
            pixels = np.array(Image.open(file))
            pixels[0, 0, 0] ^= 1
            Image.fromarray(pixels).save(file)


def test_every_source_of_the_settings_is_looked_up_and_held_to_this_contract() -> None:
    settings = {get_args(kind.model_fields["source"].annotation)[0] for kind in get_args(get_args(Data)[0])}
    assert settings == set(SOURCES) == {make.__name__ for make in MAKERS if not make.__name__.endswith("in_parts")}


@every_source
def test_images_are_uint8_and_labels_name_classes(make: Make, tmp_path: Path) -> None:
    data = make(tmp_path)
    dataset, test = load(data), load_test(data)
    for part in (dataset.train, dataset.validation, test):
        assert part.images.dtype == np.uint8
        assert part.image_shape == dataset.image_shape
        assert part.labels.dtype == np.int64
        assert set(part.labels.tolist()) == set(range(dataset.class_count))


@every_source
def test_loading_in_a_fresh_process_would_give_the_same(make: Make, tmp_path: Path) -> None:
    data = make(tmp_path)
    first = load(data), load_test(data)
    for cached in ("load_entry", "load_test_part"):
        getattr(__import__("trainables.data.load", fromlist=[cached]), cached).cache_clear()
    second = load(data), load_test(data)
    assert (first[0].train.images == second[0].train.images).all()
    assert (first[0].validation.labels == second[0].validation.labels).all()
    assert (first[1].images == second[1].images).all()
    assert first[0].fingerprint == second[0].fingerprint


@every_source
def test_no_image_is_in_two_parts_and_none_is_lost(make: Make, tmp_path: Path) -> None:
    data = make(tmp_path)
    dataset, test = load(data), load_test(data)
    seen = [image.tobytes() for part in (dataset.train, dataset.validation, test) for image in part.images]
    assert len(seen) == len(set(seen)) == sum(map(sum, describe(data).counts.values()))


@every_source
def test_the_description_counts_what_is_loaded(make: Make, tmp_path: Path) -> None:
    data = make(tmp_path)
    info, dataset = describe(data), load(data)
    assert info.counts["train"] == dataset.class_counts
    assert info.counts["test"] == tuple(np.bincount(load_test(data).labels).tolist())
    assert (info.image_shape, info.class_names) == (dataset.image_shape, dataset.class_names)
    assert info.fingerprint == dataset.fingerprint


@every_movable_source
def test_the_fingerprint_is_the_same_elsewhere_on_disk(make: Make, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    before = load(make(here)).fingerprint
    shutil.move(here, there)
    assert load(make(there)).fingerprint == before
    assert len(before) == 16


@every_movable_source
def test_the_fingerprint_changes_with_a_pixel(make: Make, tmp_path: Path) -> None:
    before = load(make(tmp_path)).fingerprint
    change_one_pixel(tmp_path)
    assert load(make(tmp_path)).fingerprint != before


@every_source_that_we_divide
def test_the_test_part_is_the_same_whatever_validation_takes(make: Make, tmp_path: Path) -> None:
    first, second = (load_test(make(tmp_path, validation=share)) for share in (0.1, 0.4))
    assert (first.images == second.images).all()


@every_source_that_we_divide
def test_another_split_seed_gives_another_split_and_fingerprint(make: Make, tmp_path: Path) -> None:
    first, second = (load(make(tmp_path, split_seed=seed)) for seed in (0, 1))
    assert first.fingerprint != second.fingerprint
    assert first.class_counts == second.class_counts


@every_source_that_we_divide
def test_each_part_holds_the_classes_in_the_same_proportions(make: Make, tmp_path: Path) -> None:
    counts = describe(make(tmp_path)).counts
    shares = [np.array(part) / sum(part) for part in counts.values()]
    assert max(np.abs(share - shares[0]).max() for share in shares) < 0.02


def bad_class(make: Make, place: Path) -> Path:
    """The folder of images of a source that reads files."""
    make(place)
    return place / "pictures" / "ant" if (place / "pictures" / "ant").exists() else place / "pictures"


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-60])


def odd(mode: str, ending: str = "PNG", side: int = 6) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        Image.new(mode, (side, side), 200 if len(mode) == 1 or mode == "I;16" else (200,) * len(mode)).save(
            path, ending
        )

    return write


every_file_source = pytest.mark.parametrize("make", [folder, csv], ids=lambda make: make.__name__)

UNREADABLE = {
    "zero-byte": (lambda path: path.write_bytes(b""), "is empty (zero bytes)"),
    "no image": (lambda path: path.write_bytes(b"<html>404</html>"), "is not an image but a web page"),
    "truncated": (truncated, "truncated"),
    "floating-point numbers": (odd("F", "TIFF"), "holds floating-point numbers, whose range is unknown"),
}
READABLE = {
    "grey": odd("L"),
    "black and white": odd("1"),
    "transparent": odd("RGBA"),
    "16 bits": odd("I;16"),
    "CMYK, a JPEG by a wrong name": odd("CMYK", "JPEG"),
    "a palette, a GIF by a wrong name": odd("P", "GIF"),
    "a TIFF by a wrong name": odd("CMYK", "TIFF"),
    "an AVIF by a wrong name": odd("RGB", "AVIF"),
    "huge": odd("RGB", side=5_000),
}


@every_file_source
@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_image_that_cannot_be_read_is_refused_by_name_and_count(make: Make, kind: str, tmp_path: Path) -> None:
    place, (spoil, why) = bad_class(make, tmp_path), UNREADABLE[kind]
    for path in (place / "00.png", place / "03.png"):
        spoil(path)
    with pytest.raises(InputError) as caught:
        load(make(tmp_path))
    message = str(caught.value)
    assert message.count(".png (") == 2
    assert "every image must be readable and complete; got 2: " in message
    assert why in message


@every_file_source
@pytest.mark.parametrize("kind", READABLE)
def test_an_image_of_an_odd_kind_is_read_as_colours(make: Make, kind: str, tmp_path: Path) -> None:
    READABLE[kind](bad_class(make, tmp_path) / "00.png")
    data = make(tmp_path)
    assert load(data).image_shape == load_test(data).image_shape == (6, 6, 3)
    assert sum(map(sum, describe(data).counts.values())) == 75


@pytest.mark.parametrize("make", [folder_in_parts, npz_in_parts], ids=lambda make: make.__name__)
def test_a_class_in_test_but_not_in_train_is_refused(make: Make, tmp_path: Path) -> None:
    make(tmp_path)
    if (tmp_path / "pictures").exists():
        shutil.rmtree(tmp_path / "pictures" / "train" / "cat")
    else:
        arrays = dict(np.load(tmp_path / "arrays.npz"))
        np.savez(tmp_path / "arrays.npz", **(arrays | {"y_train": np.arange(30) % 2}))
    with pytest.raises(InputError, match="test may hold only classes of"):
        load(make(tmp_path))
