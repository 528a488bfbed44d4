"""The csv source: tables that it takes, and what it refuses with which words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spaces.config.trial import CsvData
from spaces.problem import InputError
from trainables.data.load import describe, load

ROWS = tuple((f"{number:02}", ("cat", "dog")[number % 2]) for number in range(20))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Twenty images in a folder, and a table that fits them."""
    (tmp_path / "images").mkdir()
    for number in range(20):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number:02}.png")
    write(tmp_path, ROWS)
    return tmp_path


def write(home: Path, rows: Sequence[Sequence[str]], header: str = "id,breed") -> None:
    (home / "labels.csv").write_text("\n".join([header, *map(",".join, rows)]) + "\n")


def data(home: Path, **options: Any) -> CsvData:
    paths = {"labels": str(home / "labels.csv"), "path": str(home / "images")}
    return CsvData.model_validate({"source": "csv", "image_size": 8, **paths, **options})


def refused(home: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        load(data(home, **options))
    return str(caught.value)


def test_every_row_is_an_image_and_classes_are_named_by_the_table(home: Path) -> None:
    info = describe(data(home))
    assert info.class_names == ("cat", "dog")
    assert info.counts == {"train": (6, 7), "validation": (2, 1), "test": (2, 2)}


def test_the_order_of_rows_plays_no_role(home: Path) -> None:
    before = load(data(home)).fingerprint
    write(home, ROWS[::-1])
    assert load(data(home)).fingerprint == before


def test_ids_may_carry_their_ending_and_a_folder(home: Path) -> None:
    before = load(data(home)).fingerprint
    (home / "images" / "more").mkdir()
    (home / "images" / "19.png").rename(home / "images" / "more" / "19.png")
    write(home, [*((f"{name}.png", label) for name, label in ROWS[:-1]), ("more/19", "dog")])
    assert load(data(home)).fingerprint == before


def test_what_spreadsheets_write_is_read(home: Path) -> None:
    before = load(data(home)).fingerprint
    lines = ["id, breed", *(f'"{name}" , {label} ' for name, label in ROWS), "", ""]
    (home / "labels.csv").write_bytes("\r\n".join(lines).encode("utf-8-sig").replace(b'" ,', b'",'))
    assert load(data(home)).fingerprint == before


def test_of_several_columns_the_one_called_label_is_taken(home: Path) -> None:
    write(home, [(name, "x", label) for name, label in ROWS], "id,note,label")
    assert load(data(home)).class_names == ("cat", "dog")


def test_columns_can_be_named(home: Path) -> None:
    write(home, [(label, name, "x") for name, label in ROWS], "kind,file,id")
    assert load(data(home, id_column="file", label_column="kind")).class_names == ("cat", "dog")


def test_the_ending_can_be_chosen_where_there_are_several(home: Path) -> None:
    Image.new("RGB", (8, 8)).save(home / "images" / "03.jpg")
    message = refused(home)
    assert "every id must have only one image; got 1: 03 (03.jpg, 03.png)" in message
    assert load(data(home, extension="png")).class_names == ("cat", "dog")


@pytest.mark.parametrize(
    ("header", "options", "words"),
    [
        ("name,breed", {}, "the table must have a column id with the names of the images; got name, breed"),
        (
            "id,breed",
            {"id_column": "file"},
            "the table must have a column file with the names of the images; got id, breed",
        ),
        ("id,breed", {"label_column": "bred"}, "the table must have a column bred with the classes; got id, breed"),
        ("id,breed", {"extension": "txt"}, "the extension must be one of .apng, .avif"),
        ("id,id", {}, "column names must be unique; got 1: id"),
    ],
)
def test_a_missing_column_is_refused_with_those_that_are_there(
    home: Path, header: str, options: dict[str, str], words: str
) -> None:
    write(home, ROWS, header)
    assert words in refused(home, **options)


def test_several_columns_that_might_be_the_classes_are_refused(home: Path) -> None:
    write(home, [(name, label, "x") for name, label in ROWS], "id,breed,note")
    message = refused(home)
    assert "a column label with the classes; got id, breed, note" in message
    assert "write label_column: NAME" in message


def test_ids_without_a_file_are_refused_by_name_and_count(home: Path) -> None:
    for number in range(7):
        (home / "images" / f"{number:02}.png").unlink()
    assert "every id must have an image; got 7: 00, 01, 02, 03, 04 and 2 more" in refused(home)


def test_files_without_an_id_are_refused_by_name_and_count(home: Path) -> None:
    write(home, ROWS[:18])
    assert "every image must have a row in the table; got 2: 18.png, 19.png" in refused(home)


def test_an_id_that_comes_twice_is_refused(home: Path) -> None:
    write(home, [*ROWS, ROWS[3]])
    assert "every id must be unique; got 1: 03 (2 times)" in refused(home)


def test_an_image_that_two_ids_mean_is_refused(home: Path) -> None:
    write(home, [*ROWS, ("03.png", "cat")])
    assert "every image must have only one row; got 1: 03.png" in refused(home)


def test_empty_labels_and_ids_are_refused(home: Path) -> None:
    write(home, [("00", ""), *ROWS[1:19], ("", "dog")])
    message = refused(home)
    assert "every row must have a label; got 1: 00" in message
    assert "every row must have an id; got 1: line 21" in message


def test_a_single_class_is_refused(home: Path) -> None:
    write(home, [(name, "cat") for name, _ in ROWS])
    assert "at least two classes; got cat" in refused(home)


def test_rows_of_another_length_are_refused(home: Path) -> None:
    write(home, [*ROWS[:19], ("19", "dog", "!")])
    assert "every row must have 2 cells, like the header; got 1: line 21 has 3" in refused(home)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'id,breed\n"00,cat\n'])
def test_a_file_that_is_no_table_is_refused(home: Path, content: bytes) -> None:
    (home / "labels.csv").write_bytes(content)
    assert "the table " in refused(home)


def test_a_missing_table_is_refused_with_the_nearest_name(home: Path) -> None:
    assert f"did you mean {home / 'labels.csv'}" in refused(home, labels=str(home / "label.csv"))
