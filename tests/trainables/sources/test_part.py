"""Class names that say the same are refused, however they are written."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spaces.config.trial import CsvData, FolderData, NpzData
from spaces.problem import InputError
from trainables.data.build import provided_parts
from trainables.sources.part import Parts, array_part, check_class_names, what_it_says

SAME = [
    ("Cat", "cat"),
    ("cat", " cat  "),
    ("black bear", "black  bear"),
    ("caf\u00e9", "cafe\u0301"),
    ("\uff21", "a"),
    ("Stra\u00dfe", "STRASSE"),
    ("cat", "c\u200bat"),
    ("0", "0.0"),
    ("1", "01"),
    ("1", "1e0"),
    ("1", "+1."),
    ("100", "1E2"),
    ("0", "-0"),
    ("1", "\u0661"),
]
OTHERS = [
    ("cat", "cats"),
    ("1", "10"),
    ("1.0", "1.0.0"),
    ("10000000000000000001", "10000000000000000002"),
    ("1_0", "10"),
    ("nan", "NaN1"),
    ("e", "\u00e9"),
    ("1e99999999999999999999", "1e99999999999999999998"),
]


def parts(*names: str) -> Parts:
    """Two images of each class."""
    labels = np.arange(2 * len(names)) // 2
    pixels = np.zeros((len(labels), 2, 2, 1), np.uint8)
    return Parts(train=array_part(pixels, labels, lambda position: f"{position}.png"), class_names=names)


@pytest.mark.parametrize(("first", "second"), SAME)
def test_names_that_say_the_same(first: str, second: str) -> None:
    assert what_it_says(first) == what_it_says(second)
    with pytest.raises(InputError, match="write distinct_names: true") as caught:
        check_class_names(parts(first, second, "zebra"), "labels.csv", where=("trial", "data", "labels"))
    assert "(2 images, such as 0.png) = " in str(caught.value)
    assert "(2 images, such as 2.png)" in str(caught.value)
    assert "zebra" not in str(caught.value)


@pytest.mark.parametrize(("first", "second"), OTHERS)
def test_names_that_say_something_else(first: str, second: str) -> None:
    check_class_names(parts(first, second), "labels.csv", where=("trial", "data", "labels"))


@given(st.text(min_size=1))
@example("0")
@example("ß")
def test_case_form_and_blanks_never_matter(name: str) -> None:
    said = what_it_says(name)
    for other in (name.casefold(), f"  {name} ", *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))):
        assert what_it_says(other) == said


def test_spellings_that_look_alike_are_shown_apart() -> None:
    with pytest.raises(InputError, match=r"'caf\\xe9' \(.*'cafe\\u0301' \("):
        check_class_names(parts("café", "cafe\u0301"), "labels.csv", where=("trial", "data", "labels"))


def test_every_source_with_names_of_its_own_is_checked(tmp_path: Path) -> None:
    from PIL import Image

    for label in ("A", "a"):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / "pictures" / label / f"{label}.png")
    (tmp_path / "labels.csv").write_text("id,label\nA/A,A\na/a,a\n")
    np.savez(
        tmp_path / "set.npz", x_train=np.zeros((2, 4, 4), np.uint8), y_train=[0, 1], class_names=np.array(["A", "a"])
    )
    sets = [
        FolderData(source="folder", path=str(tmp_path / "pictures")),
        CsvData(source="csv", labels=str(tmp_path / "labels.csv"), path=str(tmp_path / "pictures")),
        NpzData(source="npz", path=str(tmp_path / "set.npz")),
    ]
    for data in sets:
        with pytest.raises(InputError, match=r"A \(1 image, such as .*\) = a \(1 image"):
            provided_parts(data)
        assert provided_parts(data.model_copy(update={"distinct_names": True})).class_names == ("A", "a")
