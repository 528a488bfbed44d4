"""The folder source: layouts that it takes, and what it refuses with which words."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spaces.config.trial import FolderData
from spaces.problem import InputError
from trainables.data.load import describe, load, notes_about
from trainables.sources.folder import folder_parts

Writer = Callable[..., Path]


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def data(path: Path, image_size: int = 8) -> FolderData:
    return FolderData(source="folder", path=str(path), image_size=image_size)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load(data(path))
    assert all(problem.path == ("trial", "data", "path") for problem in caught.value.problems)
    return str(caught.value)


def test_class_folders_are_divided_by_us(write_folder: Writer) -> None:
    info = describe(data(write_folder({"dog": 10, "cat": 20})))
    assert info.class_names == ("cat", "dog")
    assert info.counts == {"train": (13, 6), "validation": (3, 2), "test": (4, 2)}


@pytest.mark.parametrize("validation", ["val", "valid", "validation", "Val"])
def test_folders_named_as_parts_are_used_as_they_are(write_folder: Writer, validation: str) -> None:
    write_folder({"cat": 3, "dog": 2}, "set/train")
    write_folder({"cat": 1, "dog": 2}, f"set/{validation}", seed=1)
    root = write_folder({"cat": 2, "dog": 2}, "set/test", seed=2).parent
    assert describe(data(root)).counts == {"train": (3, 2), "validation": (1, 2), "test": (2, 2)}


def test_a_part_that_is_not_brought_is_carved_from_train(write_folder: Writer) -> None:
    write_folder({"cat": 10, "dog": 10}, "set/train")
    root = write_folder({"cat": 2, "dog": 2}, "set/test", seed=2).parent
    assert describe(data(root)).counts == {"train": (8, 8), "validation": (2, 2), "test": (2, 2)}


def test_images_are_resized_to_a_square_of_colours(write_folder: Writer) -> None:
    assert load(data(write_folder({"cat": 5, "dog": 5}), image_size=6)).image_shape == (6, 6, 3)


def test_endings_in_capitals_are_images_too(write_folder: Writer) -> None:
    root = write_folder({"cat": 5, "dog": 5})
    (root / "cat" / "000.png").rename(root / "cat" / "000.PNG")
    assert sum(map(sum, describe(data(root)).counts.values())) == 10


def test_hidden_files_and_folders_are_ignored(write_folder: Writer) -> None:
    root = write_folder({"cat": 5, "dog": 5})
    (root / ".cache").mkdir()
    (root / "cat" / ".DS_Store").write_bytes(b"x")
    (root / "dog" / "Thumbs.db").write_bytes(b"x")
    assert load(data(root)).class_names == ("cat", "dog")


def test_a_note_beside_the_class_folders_is_ignored(write_folder: Writer) -> None:
    root = write_folder({"cat": 5, "dog": 5})
    (root / "README.md").write_text("Cats and dogs.")
    assert load(data(root)).class_names == ("cat", "dog")


def test_the_order_of_files_on_disk_plays_no_role(write_folder: Writer, tmp_path: Path) -> None:
    root, other = write_folder({"cat": 10, "dog": 10}), tmp_path / "elsewhere"
    for file in sorted(root.rglob("*.png"), reverse=True):
        copy = other / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    assert load(data(root)).fingerprint == load(data(other)).fingerprint


def test_a_test_image_that_cannot_be_read_is_refused_before_anything_is_trained(write_folder: Writer) -> None:
    write_folder({"cat": 5, "dog": 5}, "set/train")
    root = write_folder({"cat": 2, "dog": 2}, "set/test", seed=2).parent
    (root / "test" / "cat" / "000.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"test/cat/000\.png \(is not an image but text\)"):
        load(data(root))


def test_a_missing_folder_is_refused_with_the_nearest_name(write_folder: Writer) -> None:
    root = write_folder({"cat": 5, "dog": 5})
    assert f"did you mean {root}" in refused(root.with_name("picture"))


def test_a_file_is_refused(write_folder: Writer) -> None:
    assert "the path must be that of a folder; got a file" in refused(
        write_folder({"cat": 5, "dog": 5}) / "cat" / "000.png"
    )


def test_files_that_hold_no_whole_image_are_refused_by_name_and_count(write_folder: Writer) -> None:
    root = write_folder({"cat": 20, "dog": 20})
    (root / "cat" / "000.png").write_bytes(b"")
    (root / "cat" / "001.png").write_bytes(b"some text")
    whole = (root / "cat" / "002.png").read_bytes()
    (root / "cat" / "002.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError) as caught:
        load(FolderData(source="folder", path=str(root), image_size=8, test=0.05, validation=0.05))
    message = str(caught.value)
    assert "every image must be readable and complete; got 3: " in message
    assert "cat/000.png (is empty (zero bytes))" in message
    assert "cat/001.png (is not an image but text)" in message
    assert "cat/002.png (image file is truncated" in message


def test_of_many_bad_files_the_first_five_are_named(write_folder: Writer) -> None:
    root = write_folder({"cat": 20, "dog": 20})
    for file in (root / "dog").iterdir():
        file.write_bytes(b"")
    message = refused(root)
    assert message.count("zero bytes") == 5
    assert "and 15 more" in message


def test_other_files_in_a_class_folder_are_refused_by_name(write_folder: Writer) -> None:
    root = write_folder({"cat": 5, "dog": 5})
    (root / "cat" / "000.png").rename(root / "cat" / "000.dat")
    (root / "dog" / "more").mkdir()
    (root / "dog" / "more" / "notes.txt").write_text("Dogs.")
    assert "got 2: cat/000.dat, dog/more/notes.txt" in refused(root)


@pytest.mark.parametrize("place", ["", "train"])
def test_images_outside_of_class_folders_are_refused_by_name(write_folder: Writer, place: str) -> None:
    root = write_folder({"cat": 5, "dog": 5}, "set/train").parent
    Image.fromarray(noise(9, 8, 8, 3)).save(root / place / "lost.png")
    assert f"images must be in class folders; got 1: {Path(place, 'lost.png')}" in refused(root)


@pytest.mark.parametrize("part", ["train", "test"])
def test_an_empty_class_folder_is_refused(write_folder: Writer, part: str) -> None:
    write_folder({"cat": 5, "dog": 5}, "set/train")
    root = write_folder({"cat": 5}, "set/test", seed=1).parent
    shutil.rmtree(root / part / "cat")
    (root / part / "cat").mkdir()
    assert f"class folders must not be empty; got 1: {part}/cat" in refused(root)


@pytest.mark.parametrize("classes", [{}, {"cat": 5}])
def test_fewer_than_two_classes_are_refused(write_folder: Writer, tmp_path: Path, classes: dict[str, int]) -> None:
    (tmp_path / "pictures").mkdir()
    write_folder(classes)
    assert "at least two class folders" in refused(tmp_path / "pictures")


def test_a_class_in_test_but_not_in_train_is_refused(write_folder: Writer) -> None:
    write_folder({"cat": 5, "dog": 5}, "set/train")
    root = write_folder({"cat": 2, "eel": 2}, "set/test", seed=1).parent
    assert "test may hold only classes of train; got 1: test/eel" in refused(root)


def test_test_without_train_is_refused(write_folder: Writer) -> None:
    assert "there must be a train folder next to val and test; got test" in refused(
        write_folder({"cat": 5, "dog": 5}, "set/test").parent
    )


def test_two_validation_folders_are_refused(write_folder: Writer) -> None:
    for part in ("train", "val", "valid"):
        root = write_folder({"cat": 5, "dog": 5}, f"set/{part}").parent
    assert "each part must have only one folder; got train, val, valid" in refused(root)


def test_other_folders_beside_the_parts_are_refused(write_folder: Writer) -> None:
    root = write_folder({"cat": 5, "dog": 5}, "set/train").parent
    (root / "unsorted").mkdir()
    assert "no other folders next to train, val and test; got 1: unsorted" in refused(root)


def test_a_changed_file_is_noticed(write_folder: Writer) -> None:
    root = write_folder({"cat": 5, "dog": 5})
    before = load(data(root))
    assert load(data(root)) is before
    for number, file in enumerate((root / "cat").iterdir()):
        Image.fromarray(noise(900 + number, 9, 9, 3)).save(file)
    assert load(data(root)).fingerprint != before.fingerprint


def counts(root: Path) -> dict[str, tuple[int, ...]]:
    """Images per class of the parts that a folder brings, without opening any."""
    parts = folder_parts(data(root))
    found = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    return {name: tuple(np.bincount(part.labels).tolist()) for name, part in found.items() if part is not None}


@pytest.mark.parametrize(
    ("train", "other", "part"),
    [
        ("Training", "Validation", "validation"),
        ("TRAIN", "Testing", "test"),
        ("train_images", "test_images", "test"),
        ("01-train", "02-dev", "validation"),
        ("train2017", "val2017", "validation"),
    ],
)
def test_parts_are_known_by_their_usual_spellings(write_folder: Writer, train: str, other: str, part: str) -> None:
    write_folder({"cat": 3, "dog": 2}, f"set/{train}")
    root = write_folder({"cat": 1, "dog": 2}, f"set/{other}", seed=1).parent
    assert counts(root) == {"train": (3, 2), part: (1, 2)}


def test_classes_may_be_called_like_parts(write_folder: Writer) -> None:
    root = write_folder({"Training": 3, "Resting": 2})
    assert folder_parts(data(root)).class_names == ("Resting", "Training")


def test_images_below_a_class_are_its_images(write_folder: Writer) -> None:
    flat = write_folder({"cat": 3, "dog": 3})
    (flat / "cat" / "left" / "near").mkdir(parents=True)
    (flat / "cat" / "002.png").rename(flat / "cat" / "left" / "near" / "002.png")
    assert counts(flat) == {"train": (3, 3)}


def test_parts_inside_of_classes_are_refused(write_folder: Writer) -> None:
    for kind in ("cat", "dog"):
        root = write_folder({"train": 2, "test": 2}, f"set/{kind}").parent
    message = refused(root)
    assert "class folders may not hold folders of train, validation or test; got 4: cat/test, cat/train" in message
    assert "put the parts outermost: train/cat, not cat/train" in message


@pytest.mark.parametrize("inner", ["", "unknown"])
def test_a_test_folder_without_classes_is_left_to_predict(write_folder: Writer, inner: str) -> None:
    root = write_folder({"cat": 10, "dog": 10}, "set/train").parent
    (root / "test" / inner).mkdir(parents=True)
    for number in range(3):
        Image.fromarray(noise(number, 8, 8, 3)).save(root / "test" / inner / f"{number}.png")
    assert sum(map(sum, describe(data(root)).counts.values())) == 20
    (note,) = notes_about(data(root))
    assert f"{root / 'test'} has 3 images without class folders, so it gives no test score" in note
    assert f"tunehound predict RUN {root / 'test'}" in note


def test_a_part_without_anything_in_it_is_refused(write_folder: Writer) -> None:
    root = write_folder({"cat": 5, "dog": 5}, "set/train").parent
    (root / "test").mkdir()
    assert "every part must have class folders; got 1: test" in refused(root)


def test_a_class_in_another_case_is_refused_with_that_of_train(write_folder: Writer) -> None:
    write_folder({"cat": 5, "dog": 5}, "set/train")
    root = write_folder({"Cat": 2, "dog": 2}, "set/val", seed=1).parent
    assert "val may hold only classes of train; got 1: val/Cat (cat in train)" in refused(root)


def test_a_class_that_a_part_lacks_is_noted(write_folder: Writer) -> None:
    write_folder({"cat": 5, "dog": 5}, "set/train")
    root = write_folder({"cat": 2}, "set/test", seed=1).parent
    assert notes_about(data(root)) == ("test has no images of some classes of train: 1: dog",)


def test_a_data_set_further_down_is_named(write_folder: Writer) -> None:
    inner = write_folder({"cat": 5, "dog": 5}, "outer/dataset/images")
    assert f"→ give the data set that is meant as the path: {inner}" in refused(inner.parents[1])


def test_what_programs_leave_behind_is_ignored_and_images_in_it_are_noted(write_folder: Writer) -> None:
    root = write_folder({"cat": 5, "dog": 5})
    for name in ("__MACOSX/cat/._000.png", "cat/.ipynb_checkpoints/000-checkpoint.png", "dog/@eaDir/001.png"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_bytes(b"x")
    assert counts(root) == {"train": (5, 5)}
    (note,) = notes_about(data(root))
    assert note.endswith("ignored: 2: cat/.ipynb_checkpoints/000-checkpoint.png, dog/@eaDir/001.png")


def test_what_is_neither_file_nor_folder_is_refused_all_at_once(write_folder: Writer) -> None:
    root = write_folder({"cat": 5, "dog": 5})
    (root / "cat" / "gone.png").symlink_to("/nowhere/x.png")
    (root / "cat" / "loop").symlink_to("loop")
    (root / "dog" / "up").symlink_to(root)
    (root / "eel").symlink_to("/nowhere/eel")
    (root / "dog" / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(root / "dog" / "pipe.png")
    message = refused(root)
    for words in (
        "got 6: ",
        "cat/gone.png (a link to /nowhere/x.png, which does not exist)",
        "cat/loop (a link that leads in a circle)",
        "dog/up (a link that leads in a circle)",
        "eel (a link to /nowhere/eel, which does not exist)",
        "dog/zero.png (a device)",
        "dog/pipe.png (a pipe)",
    ):
        assert words in message
    assert "got a link to /nowhere/eel, which does not exist" in refused(root / "eel")


def test_links_that_lead_somewhere_are_followed(write_folder: Writer, tmp_path: Path) -> None:
    root = write_folder({"cat": 5, "dog": 5})
    (root / "eel").symlink_to(write_folder({"eel": 4}, "elsewhere", seed=1) / "eel")
    assert counts(root) == {"train": (5, 5, 4)}
