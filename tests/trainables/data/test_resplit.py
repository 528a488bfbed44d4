"""Train and validation divided anew: same images, same sizes, twins together, the test part untouched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spaces.config.trial import DigitsData, NpzData
from trainables.data.load import fresh_overlap, load, load_test
from trainables.dataset import Dataset

DIGITS = DigitsData(source="digits")


def pictures(dataset: Dataset) -> list[bytes]:
    """Every image of train and validation, sorted."""
    both = (part.read(np.arange(len(part))) for part in (dataset.train, dataset.validation))
    return sorted(image.tobytes() for part in both for image in part)


def held_out(seed: int | None) -> bytes:
    """The first images that are held out."""
    return load(DIGITS, anew=seed).validation.read(np.arange(50)).tobytes()


def test_another_seed_holds_out_other_images_of_the_same_set() -> None:
    plain, other = load(DIGITS), load(DIGITS, anew=1)
    assert pictures(plain) == pictures(other)
    assert len(other.validation) == pytest.approx(len(plain.validation), abs=10)
    assert len({held_out(None), held_out(1), held_out(2)}) == 3


def test_the_same_seed_divides_alike() -> None:
    first = held_out(1)
    held_out(2)
    assert held_out(1) == first


def test_every_class_keeps_its_share() -> None:
    shares = np.bincount(load(DIGITS, anew=3).validation.labels) / np.bincount(load(DIGITS).validation.labels)
    assert shares == pytest.approx(np.ones(10), abs=0.1)


def test_no_test_image_gets_into_another_part() -> None:
    test = load_test(DIGITS)
    kept = {image.tobytes() for image in test.read(np.arange(len(test)))}
    assert not kept & set(pictures(load(DIGITS, anew=5)))


def test_identical_images_stay_together(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (30, 8, 8, 1), dtype=np.uint8)
    labels = np.tile(np.arange(2), 15)
    np.savez(tmp_path / "twins.npz", x_train=np.concatenate([images] * 2), y_train=np.concatenate([labels] * 2))
    data = NpzData(source="npz", path=str(tmp_path / "twins.npz"), validation=0.4, test=0.2)
    for seed in range(5):
        dataset = load(data, anew=seed)
        parts = [part.read(np.arange(len(part))) for part in (dataset.train, dataset.validation)]
        train, validation = ({image.tobytes() for image in pixels} for pixels in parts)
        assert not train & validation


def test_a_validation_part_that_the_data_set_brings_stays(tmp_path: Path) -> None:
    draw, labels = np.random.default_rng(0), np.tile(np.arange(2), 10)
    parts = {name: draw.integers(0, 255, (20, 8, 8, 1), dtype=np.uint8) for name in ("x_train", "x_val", "x_test")}
    np.savez(tmp_path / "own.npz", y_train=labels, y_val=labels, y_test=labels, **parts)
    data = NpzData(source="npz", path=str(tmp_path / "own.npz"))
    assert fresh_overlap(data) == 0.0
    np.testing.assert_array_equal(load(data, anew=1).validation.read(np.arange(20)), parts["x_val"])


def test_the_overlap_is_validation_over_train() -> None:
    dataset = load(DIGITS)
    assert fresh_overlap(DIGITS) == len(dataset.validation) / len(dataset.train)
