"""The csv source: tables that it takes, and what it refuses with which words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spaces.config.trial import CsvData
from spaces.problem import InputError
from trainables.data.load import describe, load, load_test, notes_about
from trainables.sources.csv import csv_parts

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


def test_the_parts_of_a_split_column_are_used_as_they_are(home: Path) -> None:
    parts = ("train", "Training", "val", "TEST", "trn")
    write(home, [(*row, parts[int(row[0]) // 2 % 5]) for row in ROWS], "id,breed,split")
    info = describe(data(home, split_column="split"))
    assert info.counts == {"train": (6, 6), "validation": (2, 2), "test": (2, 2)}
    images = [Image.open(home / "images" / f"{number:02}.png") for number in (6, 7, 16, 17)]
    test = load_test(data(home, split_column="split", validation=0.5, test=0.5)).read(np.arange(4))
    assert [image.tobytes() for image in test] == [image.tobytes() for image in images]


def test_a_part_that_no_row_names_is_split_off_train(home: Path) -> None:
    write(home, [(*row, str(int(row[0]) < 4)) for row in ROWS], "id,breed,is_test")
    counts = describe(data(home, split_column="is_test", validation=0.25)).counts
    assert counts == {"train": (6, 6), "validation": (2, 2), "test": (2, 2)}


def test_test_rows_without_any_label_are_left_to_predict(home: Path) -> None:
    write(home, [(row[0], *(("", "test") if int(row[0]) < 4 else (row[1], "train"))) for row in ROWS], "id,label,split")
    found = data(home, split_column="split")
    assert sum(map(sum, describe(found).counts.values())) == 16
    assert "4 test images have no label" in notes_about(found)[0]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (("train", "extra"), "must name a part: train, validation or test; got 10: line 3 (extra), line 5 (extra)"),
        (("train", ""), "must name a part: train, validation or test; got 10: line 3 (empty)"),
        (("val", "test"), "split must name images of train; got test, val"),
    ],
)
def test_cells_that_name_no_part_are_refused_by_line(home: Path, parts: tuple[str, ...], words: str) -> None:
    write(home, [(*row, parts[int(row[0]) % 2]) for row in ROWS], "id,label,split")
    assert words in refused(home, split_column="split")


def test_a_class_of_test_alone_is_refused_and_one_that_lacks_there_is_noted(home: Path) -> None:
    write(home, [(*row, ("train", "test")[row == ROWS[0]]) for row in ROWS], "id,label,split")
    found = data(home, split_column="split")
    assert notes_about(found) == ("test has no images of some classes of train: 1: dog",)
    write(
        home, [(row[0], *(("eel", "test") if row == ROWS[0] else (row[1], "train"))) for row in ROWS], "id,label,split"
    )
    assert "test may hold only classes of train; got 1: eel" in refused(home, split_column="split")


def test_a_split_column_that_is_not_used_is_named(home: Path) -> None:
    write(home, [(*row, ("train", "test")[int(row[0]) % 2]) for row in ROWS], "id,label,subset")
    (note,) = notes_about(data(home))
    assert "the column subset names parts, but is not used, so test images are trained on" in note
    assert "write split_column: subset" in note


def test_folders_of_parts_that_no_column_names_are_noted(home: Path) -> None:
    for part, numbers in (("train", range(10)), ("test", range(10, 20))):
        (home / "images" / part).mkdir()
        for number in numbers:
            (home / "images" / f"{number:02}.png").rename(home / "images" / part / f"{number:02}.png")
    write(home, [(f"{('train', 'test')[int(name) > 9]}/{name}", label) for name, label in ROWS])
    (note,) = notes_about(data(home))
    assert "folders that are named as parts, but no column names parts" in note


def test_parts_are_not_taken_for_classes(home: Path) -> None:
    write(home, [(name, ("train", "test")[int(name) % 2]) for name, _ in ROWS], "id,split")
    assert "labels must be classes, not parts; got test, train, in split" in refused(home)
    assert load(data(home, label_column="split")).class_names == ("test", "train")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_separators_and_encodings_make_no_difference(home: Path, separator: str, encoding: str) -> None:
    before = part_names(home)
    text = (home / "labels.csv").read_text().replace(",", separator).replace("\n", "\r\n")
    (home / "labels.csv").write_bytes(text.encode(encoding))
    assert part_names(home) == before


def part_names(home: Path, **options: Any) -> list[tuple[str, int]]:
    """The images of the only part, with their labels."""
    part = csv_parts(data(home, **options)).train
    return [(part.name(position), int(label)) for position, label in enumerate(part.labels)]


def test_a_table_without_a_header_is_read_or_refused_with_that_reason(home: Path) -> None:
    before = part_names(home)
    (home / "labels.csv").write_text("\n".join(map(",".join, ROWS)))
    message = refused(home)
    assert "the first row of the table must name the columns; got 00, which is the name of an image" in message
    assert "write header: false" in message
    assert part_names(home, header=False, id_column="1") == before


def test_one_hot_columns_are_classes(home: Path) -> None:
    before = part_names(home)
    write(home, [(name, str(label == "dog"), str(label == "cat")) for name, label in ROWS], "id,dog,cat")
    assert part_names(home, label_columns=("dog", "cat")) == before


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (("1", "1"), "exactly one of the columns dog, cat: one label an image; got 1: line 2 (dog, cat)"),
        (("0", "0"), "exactly one of the columns dog, cat: one label an image; got 1: line 2 (none)"),
        (("0.7", "0.3"), "may hold only 0 and 1, or false and true; got 2: line 2 (dog: 0.7), line 2 (cat: 0.3)"),
    ],
)
def test_rows_with_no_or_several_classes_are_refused_by_line(home: Path, cells: tuple[str, ...], words: str) -> None:
    rest = [(name, str(int(label == "dog")), str(int(label == "cat"))) for name, label in ROWS[1:]]
    write(home, [(ROWS[0][0], *cells), *rest], "id,dog,cat")
    assert words in refused(home, label_columns=("dog", "cat"))


def test_amounts_are_refused_as_regression_and_several_labels_noted(home: Path) -> None:
    write(home, [(name, f"{int(name) * 0.37:.2f}") for name, _ in ROWS], "id,age")
    assert "age holds numbers, 20 different ones from 0 to 7.03 for 20 images" in refused(home)
    write(home, [(name, label + "|wet" * (int(name) % 4 > 1)) for name, label in ROWS], "id,tags")
    (note,) = notes_about(data(home))
    assert "tags seems to hold several labels an image, separated by bars" in note


def test_ids_may_be_written_as_on_windows_or_as_absolute_paths(home: Path) -> None:
    before = part_names(home)
    images = home / "images"
    spelled = (".\\{}.png", "./{}", f"{images}/{{}}.png")
    write(home, [(spelled[int(name) % 3].format(name), label) for name, label in ROWS])
    assert part_names(home) == before


def test_an_id_with_several_labels_is_refused_with_them(home: Path) -> None:
    write(home, [*ROWS, (ROWS[0][0], "dog")])
    assert "every id must be unique; got 1: 00 (2 times: cat, dog)" in refused(home)


def test_a_missing_image_is_refused_with_the_nearest(home: Path) -> None:
    write(home, [*ROWS[:19], ("19.PNG", "dog")])
    assert "every id must have an image; got 1: 19.PNG; the folder has 19.png" in refused(home)


@pytest.mark.parametrize(
    "options",
    [
        {"label_columns": ("cat", "dog"), "label_column": "kind"},
        {"label_columns": ("cat", "cat")},
        {"split_column": "id"},
        {"label_column": "kind", "split_column": "kind"},
    ],
)
def test_a_column_with_two_meanings_is_refused(home: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a column has one meaning|not in both"):
        data(home, **options)


def test_a_pipe_is_no_table(home: Path) -> None:
    os.mkfifo(home / "pipe.csv")
    assert "the path must be that of a file; got a pipe" in refused(home, labels=str(home / "pipe.csv"))


def test_links_that_lead_nowhere_are_refused(home: Path) -> None:
    (home / "images" / "20.png").symlink_to("/nowhere/20.png")
    assert "got 1: 20.png (a link to /nowhere/20.png, which does not exist)" in refused(home)
