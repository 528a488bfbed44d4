"""What every data source promises, whatever it reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from spaces.config import Data, DigitsData, FolderData, NpzData
from trainables.data.load import SOURCES, describe, load, load_test

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


Make = Callable[..., Data]
MAKERS: tuple[Make, ...] = (digits, npz, npz_in_parts, folder, folder_in_parts)
DIVIDED_BY_US: tuple[Make, ...] = (digits, npz, folder)
ON_DISK: tuple[Make, ...] = (npz, npz_in_parts, folder, folder_in_parts)

every_source = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
every_source_that_we_divide = pytest.mark.parametrize("make", DIVIDED_BY_US, ids=lambda make: make.__name__)
every_source_on_disk = pytest.mark.parametrize("make", ON_DISK, ids=lambda make: make.__name__)


def change_one_pixel(place: Path) -> None:
    """Changes one pixel of a training image — of all its class, where we divide, so that one of train is hit."""
    archive = place / "arrays.npz"
    if archive.exists():
        arrays = dict(np.load(archive))
        arrays["x_train"][:, 0, 0, 0] ^= 1
        np.savez(archive, **arrays)
    else:
        root = place / "pictures"
        root = root / "train" if (root / "train").exists() else root
        for file in (root / "ant").iterdir():
            pixels = np.array(Image.open(file))
            pixels[0, 0, 0] ^= 1
            Image.fromarray(pixels).save(file)


def test_every_source_of_the_settings_is_looked_up_and_held_to_this_contract(tmp_path: Path) -> None:
    settings = {get_args(kind.model_fields["source"].annotation)[0] for kind in get_args(get_args(Data)[0])}
    (tmp_path / "a").mkdir()
    assert settings == set(SOURCES) == {make(tmp_path / "a").source for make in (digits, npz, folder)}


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
    for cached in ("opened", "opened_test"):
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


@every_source_on_disk
def test_the_fingerprint_is_the_same_elsewhere_on_disk(make: Make, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    before = load(make(here)).fingerprint
    shutil.move(here, there)
    assert load(make(there)).fingerprint == before
    assert len(before) == 16


@every_source_on_disk
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
