"""The npz source: what it takes, and what it refuses with which words."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spaces.config.trial import NpzData
from spaces.problem import InputError
from trainables.data.load import describe, load, load_test

Writer = Callable[..., Path]
DECLARED = b"{'descr': '|i1', 'fortran_order': False, 'shape': (1000000000000,), }"
"""The header of an array of a terabyte."""


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
    with pytest.raises(InputError, match=r"complete \.npz archive"):
        load_test(data(path))


def test_a_missing_file_is_refused_with_the_nearest_name(write_npz: Writer) -> None:
    path = write_npz()
    assert f"did you mean {path}" in refused(path.with_name("array.npz"))


def test_a_folder_is_refused(write_npz: Writer) -> None:
    assert "the path must be that of a file; got a folder" in refused(write_npz().parent)


def test_float_images_are_refused_with_how_to_cast_them(write_npz: Writer) -> None:
    message = refused(write_npz(x_train=noise(0, 20, 4, 4) / 255))
    assert "x_train must be uint8; got float64" in message
    assert "multiply by 255 and convert" in message


def test_whole_numbers_of_another_type_are_refused(write_npz: Writer) -> None:
    message = refused(write_npz(x_train=noise(0, 20, 4, 4).astype(np.int32)))
    assert "x_train must be uint8; got int32" in message
    assert "multiply" not in message


@pytest.mark.parametrize("shape", [(20, 16), (20, 4, 4, 2), (20, 4, 4, 3, 1), (20, 0, 4)])
def test_images_of_another_shape_are_refused(write_npz: Writer, shape: tuple[int, ...]) -> None:
    assert "x_train must have shape (n, height, width[, 1 or 3])" in refused(write_npz(x_train=noise(0, *shape)))


def test_parts_with_images_of_different_sizes_are_refused(write_npz: Writer) -> None:
    message = refused(write_npz(x_test=noise(1, 4, 5, 5), y_test=np.array([0, 1, 0, 1])))
    assert "images in x_test must have the shape of those in x_train; got (4, 5, 5) and (20, 4, 4)" in message


def test_fewer_labels_than_images_are_refused(write_npz: Writer) -> None:
    message = refused(write_npz(y_train=np.arange(19) % 2))
    assert "y_train must hold one label for each image in x_train; got (19,) for images of shape (20, 4, 4)" in message


def test_labels_that_are_no_whole_numbers_are_refused(write_npz: Writer) -> None:
    assert "y_train must hold whole numbers; got float64" in refused(write_npz(y_train=np.zeros(20)))


def test_one_hot_labels_are_refused_with_how_to_undo_them(write_npz: Writer) -> None:
    assert "y_train.argmax(axis=1)" in refused(write_npz(y_train=np.eye(2, dtype=np.int64)[np.arange(20) % 2]))


@pytest.mark.parametrize("labels", [[0, 2], [1, 2], [-1, 0], [0, 10**12]])
def test_labels_with_gaps_are_refused(write_npz: Writer, labels: list[int]) -> None:
    message = refused(write_npz(y_train=np.array(labels * 10)))
    assert f"y_train must hold 0 … k - 1, each at least once; got 2 different labels between {labels[0]}" in message


def test_a_class_of_the_test_part_without_training_images_is_refused(write_npz: Writer) -> None:
    message = refused(write_npz(x_test=noise(1, 3, 4, 4), y_test=np.array([0, 1, 2])))
    assert "y_test may hold only classes of y_train; got 1: 2" in message


def test_a_single_class_is_refused(write_npz: Writer) -> None:
    assert "at least two classes" in refused(write_npz(y_train=np.zeros(20, np.int64)))


@pytest.mark.parametrize("names", [["cat"], ["cat", "cat"], ["cat", "dog", "eel"], [1, 2]])
def test_class_names_that_are_not_one_text_a_class_are_refused(write_npz: Writer, names: list[object]) -> None:
    assert "class_names must hold one text for each of the 2 classes" in refused(write_npz(class_names=np.array(names)))


def test_a_missing_key_is_refused_with_the_keys_that_are_there(write_npz: Writer) -> None:
    message = refused(write_npz(x_train=None, xtrain=noise(0, 20, 4, 4)))
    assert "the archive must contain x_train; got y_train, xtrain" in message
    assert "rename xtrain" in message


def test_images_without_labels_are_refused(write_npz: Writer) -> None:
    assert "the archive must contain y_test because it has x_test" in refused(write_npz(x_test=noise(1, 4, 4, 4)))


def test_pickled_objects_are_refused_and_never_loaded(write_npz: Writer) -> None:
    assert "plain arrays" in refused(write_npz(y_train=np.array([{"no": "number"}] * 20)))


def test_a_truncated_archive_is_refused(write_npz: Writer) -> None:
    path = write_npz()
    path.write_bytes(path.read_bytes()[:-100])
    assert "the file must be a complete .npz archive" in refused(path)


@pytest.mark.parametrize("content", [b"", b"x_train,y_train\n1,2\n"])
def test_a_file_that_is_no_archive_is_refused(write_npz: Writer, content: bytes) -> None:
    path = write_npz()
    path.write_bytes(content)
    assert "the file must be a complete .npz archive" in refused(path)


def test_a_single_saved_array_is_refused(write_npz: Writer) -> None:
    path = write_npz()
    with path.open("wb") as file:
        np.save(file, noise(0, 20, 4, 4))
    assert "got a single array, saved by np.save" in refused(path)


def test_several_mistakes_are_told_together(write_npz: Writer) -> None:
    message = refused(write_npz(x_train=noise(0, 20, 4, 4) / 255, y_train=np.zeros(19)))
    assert message.count("→") == 3


def saved(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


@pytest.mark.parametrize(
    ("member", "content", "words"),
    [
        ("x_train", b"zz", "x_train, which is no array: an array is one member called x_train.npy"),
        ("y_train", b"", "y_train, which is no array"),
        ("class_names", b"cat dog", "class_names, which is no array"),
        ("x_train.npy", b"zz", "expected 8 bytes got 2"),
        ("x_train.npy", saved(noise(0, 20, 4, 4))[:-1], "but with 447 bytes instead of 448"),
        ("y_train.npy", saved(np.zeros(20)).replace(b"False", b"[[[[["), "EOF"),
        ("y_train.npy", b"\x93NUMPY\x01\x00v\x00" + DECLARED.ljust(117) + b"\n", "1,000,000,000,128"),
    ],
)
def test_a_member_that_is_no_array_or_another_than_it_says_is_refused(
    tmp_path: Path, member: str, content: bytes, words: str
) -> None:
    members = {"x_train.npy": saved(noise(0, 20, 4, 4)), "y_train.npy": saved(np.arange(20) % 2)}
    members.pop(f"{member}.npy", None)
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        for name, written in {**members, member: content}.items():
            archive.writestr(name, written)
    assert words in refused(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    ("labels", "cure"),
    [
        (np.array(["cat", "dog"] * 10), "np.unique(y_train, return_inverse=True)"),
        (np.arange(20) % 2 == 1, "astype('int64')"),
        (np.array(3), "shorten or correct"),
        (np.zeros(20, "datetime64[D]"), "number the classes"),
    ],
)
def test_labels_of_another_type_are_refused_with_how_to_convert_them(
    write_npz: Writer, labels: np.ndarray, cure: str
) -> None:
    assert cure in refused(write_npz(y_train=labels))


def test_labels_are_not_read_if_there_are_more_than_images(write_npz: Writer) -> None:
    message = refused(write_npz(y_train=np.zeros(30_000_000, np.int8)))
    assert "got (30000000,) for images of shape (20, 4, 4)" in message
