"""DATA: the data set in a folder, or further down; several of them; and what is none."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.new.detect import detect_source
from search.new.inspect import new_sweep
from spaces.config.trial import FolderData
from spaces.file.load import load_sweep
from spaces.problem import InputError


def images(home: Path, *folders: str, count: int = 2) -> Path:
    for folder in folders:
        (home / folder).mkdir(parents=True)
        for number in range(count):
            seed = zlib.crc32(f"{folder} {number}".encode())
            pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(home / folder / f"{number}.png")
    return home


def found(path: Path) -> tuple[str, tuple[str, ...]]:
    """The folder that was found, below the one that was given, and the remarks."""
    detected = detect_source(str(path))
    assert isinstance(detected.data, FolderData)
    return Path(detected.data.path).relative_to(path).as_posix(), detected.remarks


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        detect_source(str(path))
    return str(caught.value)


@pytest.mark.parametrize("inner", ["data", "dataset/images"])
def test_a_data_set_further_down_is_found_and_said(inner: str, tmp_path: Path) -> None:
    images(tmp_path, f"{inner}/cat", f"{inner}/dog")
    assert found(tmp_path) == (inner, (f"found in {inner}, below the folder that was given.",))


def test_a_label_file_further_down_is_found(tmp_path: Path) -> None:
    images(tmp_path, "set/images", count=4)
    (tmp_path / "set" / "labels.csv").write_text("id,label\n0,cat\n1,dog\n2,cat\n3,dog\n")
    detected = detect_source(str(tmp_path))
    assert detected.data.source == "csv"
    assert detected.remarks == ("found in set, below the folder that was given.",)


def test_of_several_data_sets_one_must_be_named(tmp_path: Path) -> None:
    images(tmp_path, *(f"{version}/train/{kind}" for version in ("v1", "v2") for kind in ("cat", "dog")))
    message = refused(tmp_path)
    assert f"there must be only one data set; got 2: {tmp_path / 'v1'}, {tmp_path / 'v2'}" in message
    assert f"tunehound new {tmp_path / 'v1'}" in message


def test_a_data_set_beside_other_images_must_be_named(tmp_path: Path) -> None:
    assert f"only one data set; 2 folders might be classes; got 2: {tmp_path / 'dataset'}" in refused(
        images(tmp_path, "dataset/cat", "dataset/dog", "docs")
    )


def test_of_several_label_files_one_must_be_named(tmp_path: Path) -> None:
    images(tmp_path, "images", count=4)
    for name in ("first.csv", "second.csv"):
        (tmp_path / name).write_text("id,label\n0,cat\n1,dog\n2,cat\n3,dog\n")
    assert "there must be only one label file; got 2: " in refused(tmp_path)


def test_unusual_names_of_parts_inner_folders_and_what_is_ignored_are_said(tmp_path: Path) -> None:
    images(tmp_path, "Training/cat/near", "Training/dog", "Validation/cat", "Validation/dog", "Training/cat/.cache")
    assert found(tmp_path) == (
        ".",
        (
            "parts: Training/ is train, Validation/ is validation.",
            "images in folders of a class folder are the class's: 1: Training/cat/near.",
            "ignored, because hidden or left behind by a program: 1: .cache.",
        ),
    )


def test_mistakes_in_parts_are_not_hidden_by_the_folders_inside(tmp_path: Path) -> None:
    images(tmp_path, "train/cat", "train/dog", "val/cat", "val/eel")
    with pytest.raises(InputError, match="val may hold only classes of train; got 1: val/eel"):
        new_sweep(str(tmp_path))


def test_a_test_folder_without_classes_is_named_in_the_sweep_file(tmp_path: Path) -> None:
    home = images(tmp_path, "photos/train/cat", "photos/train/dog", count=8)
    images(home, "photos/test")
    text = new_sweep(str(home / "photos"), home / "first.yaml")
    assert f"tunehound predict RUN {home / 'photos' / 'test'}" in text
    assert load_sweep(home / "first.yaml").trial["data"]["test"] == 0.2


def test_a_table_in_another_format_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "labels.xlsx").write_bytes(b"PK\x03\x04")
    message = refused(tmp_path / "labels.xlsx")
    assert "must be a folder, a .csv, .tsv, .txt or .npz file" in message
    assert "save a table as a CSV file in UTF-8" in message


def test_what_is_neither_file_nor_folder_is_called_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("/nowhere/x")
    os.mkfifo(tmp_path / "pipe.csv")
    assert "gone, a link to /nowhere/x, which does not exist" in refused(tmp_path / "gone")
    assert "pipe.csv, a pipe" in refused(tmp_path / "pipe.csv")


def test_a_table_that_is_none_does_not_hide_the_data_set_below(tmp_path: Path) -> None:
    images(tmp_path, "data/cat", "data/dog")
    (tmp_path / "notes.csv").write_text("a,b\n1,2,3\n")
    assert found(tmp_path)[0] == "data"


def test_a_label_file_without_classes_is_named_where_there_is_nothing_else(tmp_path: Path) -> None:
    images(tmp_path, "set/images", count=8)
    rows = [f"{number},{number / 4}" for number in range(8)]
    (tmp_path / "set" / "ages.csv").write_text("\n".join(["id,age", *rows]))
    assert "age holds numbers, 8 different ones" in refused(tmp_path)
