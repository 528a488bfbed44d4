"""Label files: what `tunehound new` recognises in them, and what it says of those that hold no classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from search.new.label_file import label_file
from spaces.config.trial import CsvData
from spaces.problem import InputError
from trainables.sources.csv import csv_parts

KINDS = ("cat", "dog", "owl")
NAMES = [f"{number:02}.png" for number in range(24)]
HEADER = ("file", "label")

Row = Callable[[int], Sequence[object]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 images, beside which tables are written."""
    place = tmp_path_factory.mktemp("set")
    (place / "images").mkdir()
    for number, name in enumerate(NAMES):
        pixels = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / "images" / name)
    return place


def kind(number: int) -> str:
    return KINDS[number % 3]


def table(home: Path, row: Row, header: Sequence[str] = HEADER, *, separator: str = ",") -> Path:
    rows = [header, *([NAMES[number], *row(number)] for number in range(24))]
    lines = [separator.join(map(str, cells)) for cells in rows if cells]
    (home / "table.csv").write_text("\n".join(lines))
    return home / "table.csv"


def found(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings beside those of files, and the remarks, for a table that can be read with these settings."""
    detected = label_file(path)
    assert detected is not None
    assert isinstance(detected.data, CsvData)
    csv_parts(detected.data)
    settings = detected.data.model_dump(exclude_defaults=True)
    return {
        name: value for name, value in settings.items() if name not in ("source", "labels", "path")
    }, detected.remarks


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        label_file(path)
    return str(caught.value)


def test_the_only_other_column_is_the_classes(home: Path) -> None:
    assert found(table(home, lambda n: [kind(n)])) == ({"id_column": "file"}, ())


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_separators_are_recognised_and_said(separator: str, name: str, home: Path) -> None:
    path = table(home, lambda n: [kind(n)], separator=separator)
    assert found(path) == ({"id_column": "file"}, (f"table.csv: its columns are separated by {name}.",))


def test_a_table_without_a_header_is_recognised(home: Path) -> None:
    settings, remarks = found(table(home, lambda n: [kind(n)], ()))
    assert settings == {"header": False, "id_column": "1"}
    assert remarks == ("table.csv: without a header, so its columns are called 1, 2, …",)


@pytest.mark.parametrize("name", ["Class", "class_name", "Species", "labels"])
def test_of_several_columns_one_with_a_usual_name_is_the_classes(name: str, home: Path) -> None:
    path = table(home, lambda n: [n, "x", kind(n)], ("file", "number", "note", name))
    assert found(path) == ({"id_column": "file", "label_column": name}, ())


def test_of_several_columns_the_only_one_like_classes_is_taken(home: Path) -> None:
    path = table(home, lambda n: [n, kind(n)], ("file", "number", "what"))
    assert found(path) == ({"id_column": "file", "label_column": "what"}, ())
    path = table(home, lambda n: [("red", "blue")[n % 2], kind(n)], ("file", "colour", "what"))
    assert "must have one column of classes; got colour, what, any of which may be meant" in refused(path)


def test_a_split_column_is_found_with_its_counts(home: Path) -> None:
    parts = ("train", "train", "val", "test")
    settings, remarks = found(table(home, lambda n: [kind(n), parts[n // 3 % 4]], ("file", "label", "split")))
    assert settings == {"id_column": "file", "split_column": "split"}
    assert remarks == ("column split: 12 train, 6 validation, 6 test images, used as they are.",)


def test_of_several_split_columns_the_most_telling_is_taken_and_the_others_said(home: Path) -> None:
    path = table(home, lambda n: [n % 2, kind(n), n < 18], ("file", "is_test", "what", "is_train"))
    settings, remarks = found(path)
    assert settings == {"id_column": "file", "label_column": "what", "split_column": "is_train"}
    assert remarks[1] == "not used: is_test, which seem to name parts, too."


def test_folds_are_said_not_to_be_used(home: Path) -> None:
    settings, remarks = found(table(home, lambda n: [kind(n), n % 5], ("file", "label", "fold")))
    assert settings == {"id_column": "file"}
    assert remarks == ("column fold: numbers of folds, not used; all images are divided anew.",)


@pytest.mark.parametrize(("on", "off"), [("1", "0"), ("True", "False"), ("1.0", "0.0")])
def test_one_hot_columns_are_recognised_beside_others(on: str, off: str, home: Path) -> None:
    path = table(home, lambda n: [*(on if kind(n) == k else off for k in KINDS), n % 2], ("file", *KINDS, "male"))
    settings, remarks = found(path)
    assert settings == {"id_column": "file", "label_columns": KINDS}
    assert remarks == ("one-hot columns: cat, dog, owl.",)


def test_columns_with_several_ones_are_several_labels(home: Path) -> None:
    path = table(home, lambda n: [int(kind(n) == k or n == 4) for k in KINDS], ("file", *KINDS))
    message = refused(path)
    assert "these columns hold several labels an image" in message
    assert "got 1 of 24 rows with several ones in cat, dog, owl, such as line 6 (cat, dog, owl)" in message


def test_one_hot_columns_without_a_one_are_refused_by_line(home: Path) -> None:
    path = table(home, lambda n: [int(kind(n) == k and n != 4) for k in KINDS], ("file", *KINDS))
    with pytest.raises(InputError, match=r"exactly one of the columns cat, dog, owl: .* got 1: line 6 \(none\)"):
        found(path)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (lambda n: [f"{1 + n * 0.37:.2f}"], "but label holds numbers, 24 different ones from 1 to 9.51"),
        (lambda n: [20 + n], "but label holds whole numbers, 24 different ones from 20 to 43"),
        (lambda n: [kind(n) + " outdoor" * (n % 2)], "several labels an image, separated by spaces: “"),
        (lambda n: [kind(n) + "|wet" * (n % 2)], "several labels an image, separated by bars: “"),
    ],
)
def test_labels_that_are_no_classes_are_said_to_be_what_they_are(row: Row, words: str, home: Path) -> None:
    assert words in refused(table(home, row))


def test_a_table_that_names_no_images_is_none(home: Path) -> None:
    (home / "other.csv").write_text("file,label\nx.png,cat\ny.png,dog\n")
    assert label_file(home / "other.csv") is None
    (home / "other.csv").unlink()


def test_tables_of_other_parts_beside_it_are_said_not_to_be_used(home: Path) -> None:
    path = table(home, lambda n: [kind(n)]).rename(home / "train.csv")
    (home / "test.csv").write_text("file\nx.png\n")
    assert found(path)[1] == (
        "test.csv: not used. To use such parts, put all rows into one table with a split column.",
    )
    path.unlink()
    (home / "test.csv").unlink()
