"""The npz source: what it takes, and what it refuses with which words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spaces.config.trial import NpzData
from spaces.problem import InputError
from trainables.data.load import describe, load, load_test

Writer = Callable[..., Path]


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def data(path: object) -> NpzData:
    return NpzData(source="npz", path=str(path))


def refused(path: object) -> str:
    with pytest.raises(InputError) as caught:
        load(data(path))
    assert all(problem.path == ("trial", "data", "path") for problem in caught.value.problems)
    return str(caught.value)


def test_grey_images_get_a_channel_axis(write_npz: Writer) -> None:
    assert load(data(write_npz())).image_shape == (4, 4, 1)


def test_colour_images_stay_as_they_are(write_npz: Writer) -> None:
    colour = noise(1, 20, 4, 5, 3)
    dataset = load(data(write_npz(x_train=colour)))
    assert dataset.image_shape == (4, 5, 3)
    assert all((image == colour).all(axis=(1, 2, 3)).any() for image in dataset.train.images)


def test_labels_may_stand_in_a_column(write_npz: Writer) -> None:
    column = (np.arange(20) % 2).reshape(20, 1).astype(np.uint8)
    assert load(data(write_npz(y_train=column))).train.labels.dtype == np.int64


def test_parts_that_the_archive_brings_are_used_as_they_are(write_npz: Writer) -> None:
    val, test = noise(1, 4, 4, 4), noise(2, 6, 4, 4)
    path = write_npz(x_val=val, y_val=np.array([0, 1, 1, 1]), x_test=test, y_test=np.array([0, 1] * 3))
    dataset, kept = load(data(path)), load_test(data(path))
    assert len(dataset.train) == 20
    assert (dataset.validation.images[..., 0] == val).all()
    assert dataset.validation.labels.tolist() == [0, 1, 1, 1]
    assert (kept.images[..., 0] == test).all()


def test_classes_are_numbered_where_they_have_no_names(write_npz: Writer) -> None:
    assert load(data(write_npz())).class_names == ("0", "1")


def test_class_names_are_taken_from_the_archive(write_npz: Writer) -> None:
    assert load(data(write_npz(class_names=np.array(["cat", "dog"])))).class_names == ("cat", "dog")


def test_the_test_images_are_not_decoded_before_they_are_asked_for(write_npz: Writer) -> None:
    path = write_npz(x_test=noise(2, 600, 4, 4), y_test=np.arange(600) % 2)
    content = bytearray(path.read_bytes())
    start = content.index(b"x_test.npy") + 1_000
    content[start : start + 500] = bytes(500)
    path.write_bytes(content)
    assert len(load(data(path)).train) == 16
    assert describe(data(path)).counts["test"] == (300, 300)
    with pytest.raises(InputError, match=r"whole \.npz archive"):
        load_test(data(path))


def test_a_missing_file_is_refused_with_the_nearest_name(write_npz: Writer) -> None:
    path = write_npz()
    assert f"did you mean {path}" in refused(path.with_name("array.npz"))


def test_a_folder_is_refused(write_npz: Writer) -> None:
    assert "the path names a file; got a folder" in refused(write_npz().parent)


def test_float_images_are_refused_with_how_to_cast_them(write_npz: Writer) -> None:
    message = refused(write_npz(x_train=noise(0, 20, 4, 4) / 255))
    assert "x_train is uint8; got float64" in message
    assert "multiply by 255 and cast" in message


def test_whole_numbers_of_another_type_are_refused(write_npz: Writer) -> None:
    message = refused(write_npz(x_train=noise(0, 20, 4, 4).astype(np.int32)))
    assert "x_train is uint8; got int32" in message
    assert "multiply" not in message


@pytest.mark.parametrize("shape", [(20, 16), (20, 4, 4, 2), (20, 4, 4, 3, 1), (20, 0, 4)])
def test_images_of_another_shape_are_refused(write_npz: Writer, shape: tuple[int, ...]) -> None:
    assert "x_train has shape (n, height, width[, 1 or 3])" in refused(write_npz(x_train=noise(0, *shape)))


def test_parts_with_images_of_different_sizes_are_refused(write_npz: Writer) -> None:
    message = refused(write_npz(x_test=noise(1, 4, 5, 5), y_test=np.array([0, 1, 0, 1])))
    assert "x_test has images like those of x_train; got (4, 5, 5) beside (20, 4, 4)" in message


def test_fewer_labels_than_images_are_refused(write_npz: Writer) -> None:
    message = refused(write_npz(y_train=np.arange(19) % 2))
    assert "y_train holds one label for each image of x_train; got (19,) for images of shape (20, 4, 4)" in message


def test_labels_that_are_no_whole_numbers_are_refused(write_npz: Writer) -> None:
    assert "y_train holds whole numbers; got float64" in refused(write_npz(y_train=np.zeros(20)))


def test_one_hot_labels_are_refused_with_how_to_undo_them(write_npz: Writer) -> None:
    assert "y_train.argmax(axis=1)" in refused(write_npz(y_train=np.eye(2, dtype=np.int64)[np.arange(20) % 2]))


@pytest.mark.parametrize("labels", [[0, 2], [1, 2], [-1, 0], [0, 10**12]])
def test_labels_with_gaps_are_refused(write_npz: Writer, labels: list[int]) -> None:
    message = refused(write_npz(y_train=np.array(labels * 10)))
    assert f"y_train holds 0 … k - 1, each at least once; got 2 different labels between {labels[0]}" in message


def test_a_class_of_the_test_part_without_training_images_is_refused(write_npz: Writer) -> None:
    message = refused(write_npz(x_test=noise(1, 3, 4, 4), y_test=np.array([0, 1, 2])))
    assert "y_test holds classes of y_train only; got 1: 2" in message


def test_a_single_class_is_refused(write_npz: Writer) -> None:
    assert "at least two classes" in refused(write_npz(y_train=np.zeros(20, np.int64)))


@pytest.mark.parametrize("names", [["cat"], ["cat", "cat"], ["cat", "dog", "eel"], [1, 2]])
def test_class_names_that_are_not_one_text_a_class_are_refused(write_npz: Writer, names: list[object]) -> None:
    assert "class_names holds one text for each of the 2 classes" in refused(write_npz(class_names=np.array(names)))


def test_a_missing_key_is_refused_with_the_keys_that_are_there(write_npz: Writer) -> None:
    message = refused(write_npz(x_train=None, xtrain=noise(0, 20, 4, 4)))
    assert "the archive holds x_train; got y_train, xtrain" in message
    assert "rename xtrain" in message


def test_images_without_labels_are_refused(write_npz: Writer) -> None:
    assert "the archive holds y_test beside x_test" in refused(write_npz(x_test=noise(1, 4, 4, 4)))


def test_pickled_objects_are_refused_and_never_loaded(write_npz: Writer) -> None:
    assert "plain arrays" in refused(write_npz(y_train=np.array([{"no": "number"}] * 20)))


def test_a_truncated_archive_is_refused(write_npz: Writer) -> None:
    path = write_npz()
    path.write_bytes(path.read_bytes()[:-100])
    assert "the file is a whole .npz archive" in refused(path)


@pytest.mark.parametrize("content", [b"", b"x_train,y_train\n1,2\n"])
def test_a_file_that_is_no_archive_is_refused(write_npz: Writer, content: bytes) -> None:
    path = write_npz()
    path.write_bytes(content)
    assert "the file is a whole .npz archive" in refused(path)


def test_a_single_saved_array_is_refused(write_npz: Writer) -> None:
    path = write_npz()
    with path.open("wb") as file:
        np.save(file, noise(0, 20, 4, 4))
    assert "got a single array, saved by np.save" in refused(path)


def test_several_mistakes_are_told_together(write_npz: Writer) -> None:
    message = refused(write_npz(x_train=noise(0, 20, 4, 4) / 255, y_train=np.zeros(19)))
    assert message.count("→") == 3
