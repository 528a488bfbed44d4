"""What the two doors give: parts, fingerprints, leaks, and arrays that nobody can spoil."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spaces.config.trial import DigitsData, FolderData, NpzData
from trainables.data.load import describe, leaked_test_images, load, load_test
from trainables.dataset import Dataset, Images
from trainables.sources.digits import stretched

Writer = Callable[..., Path]


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_the_seventeen_levels_of_a_digit_become_0_to_255_and_stay_apart() -> None:
    pixels = stretched(np.arange(17.0).reshape(1, 1, 17))[0, 0, :, 0]
    assert pixels.tolist() == [round(level * 255 / 16 + 1e-9) for level in range(17)]


def test_the_digits_are_divided_into_three_parts() -> None:
    info = describe(DigitsData(source="digits"))
    assert info.image_shape == (8, 8, 1)
    assert {part: sum(counts) for part, counts in info.counts.items()} == {
        "train": 1150,
        "validation": 288,
        "test": 359,
    }


def test_a_data_set_counts_its_classes() -> None:
    dataset = load(DigitsData(source="digits"))
    assert dataset.class_count == 10
    assert sum(dataset.class_counts) == len(dataset.train)


def test_loading_twice_reads_once() -> None:
    data = DigitsData(source="digits")
    assert load(data) is load(DigitsData(source="digits"))


def test_a_changed_archive_is_noticed(write_npz: Writer) -> None:
    data = NpzData(source="npz", path=str(write_npz()))
    before = load(data)
    write_npz(x_train=noise(5, 20, 4, 4))
    assert load(data).fingerprint != before.fingerprint


def test_loaded_pixels_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        load(DigitsData(source="digits")).train.images[0] = 0


def test_the_same_image_in_train_and_validation_is_named(write_npz: Writer) -> None:
    val = noise(1, 4, 4, 4)
    val[2] = noise(0, 20, 4, 4)[7]
    data = NpzData(source="npz", path=str(write_npz(x_val=val, y_val=np.array([0, 1, 1, 1]))))
    assert [str(leak) for leak in describe(data).leaks] == ["train: x_train[7] = validation: x_val[2]"]


def test_the_same_image_in_train_and_test_is_named(write_npz: Writer) -> None:
    test = noise(1, 4, 4, 4)
    test[2] = noise(0, 20, 4, 4)[7]
    data = NpzData(source="npz", path=str(write_npz(x_test=test, y_test=np.array([0, 1, 1, 1]))))
    (leak,) = leaked_test_images(data)
    assert leak.first in ("train: x_train[7]", "validation: x_train[7]")
    assert leak.second == "test: x_test[2]"


def test_a_copy_of_a_training_file_in_the_test_part_is_named_before_anything_is_trained(write_folder: Writer) -> None:
    write_folder({"cat": 5, "dog": 5}, "set/train")
    root = write_folder({"cat": 2, "dog": 2}, "set/test", seed=1).parent
    shutil.copy(root / "train" / "cat" / "001.png", root / "test" / "cat" / "copy.png")
    (leak,) = describe(FolderData(source="folder", path=str(root), image_size=8)).leaks
    assert str(leak).endswith(": train/cat/001.png = test: test/cat/copy.png")


def test_copies_in_a_folder_that_we_divide_stay_on_one_side(write_folder: Writer) -> None:
    root = write_folder({"cat": 10, "dog": 10})
    for file in sorted(root.rglob("*.png")):
        shutil.copy(file, file.with_name(f"copy-{file.name}"))
    data = FolderData(source="folder", path=str(root), image_size=8)
    assert describe(data).leaks == leaked_test_images(data) == ()
    assert sum(map(sum, describe(data).counts.values())) == 40


def test_a_data_set_without_repeated_images_has_no_leaks(write_npz: Writer) -> None:
    data = NpzData(source="npz", path=str(write_npz()))
    assert describe(data).leaks == leaked_test_images(data) == ()


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((2, 4, 4, 1), np.float32), np.zeros(2, np.int64)),
        (np.zeros((2, 4, 4, 2), np.uint8), np.zeros(2, np.int64)),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(3, np.int64)),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(2, np.int32)),
    ],
)
def test_images_of_other_shapes_or_types_are_a_mistake_of_the_source(images: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ValueError):
        Images(images, labels)


def test_the_test_part_is_no_part_of_a_data_set() -> None:
    assert "test" not in Dataset.__dataclass_fields__
    assert len(load_test(DigitsData(source="digits"))) == 359


def test_loading_data_needs_no_tensorflow() -> None:
    program = "import sys, trainables.data.load; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
