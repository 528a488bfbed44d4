"""No cell is a formula to a spreadsheet, and every table reads back as it was."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.spreadsheet import csv_row, csv_text, guarded, read_csv, unguarded

EVIL = [
    "=cmd|' /C calc'!A0",
    "+x",
    "@y",
    "-z",
    "\t=x",
    "\r=x",
    "\n=x",
    "'=x",
    "''@y",
    "＝1+1",
    "a\r=b",
    'q"=,x',
    "-1-1",
]
PLAIN = ["akita", "a=b", "'tis", "-1", "+2.5e-3", "-.5", "", "grün", " =x"]
CELLS = st.text(alphabet=st.sampled_from("=+-@'\t\r\n,\"; ax1.eE"), max_size=5)


def is_formula(cell: str) -> bool:
    """By the rule of OWASP; a number is none."""
    try:
        float(cell)
    except ValueError:
        return cell[:1] in tuple("=+-@\t\r\n＝＋－＠") and cell != ""
    return False


@pytest.mark.parametrize("text", EVIL[:-3])
def test_what_begins_like_a_formula_is_text(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("value", [*PLAIN, -0.5, 3, None, True])
def test_anything_else_is_left_alone(value: object) -> None:
    assert guarded(value) is value


@given(CELLS)
def test_a_guarded_text_is_no_formula_and_comes_back(text: str) -> None:
    assert not is_formula(guarded(text))
    assert unguarded(guarded(text)) == text


def test_a_table_comes_back_and_its_numbers_are_numbers() -> None:
    names = [*EVIL, *PLAIN]
    frame = pd.DataFrame({"class": names, "=loss": [-0.5] * len(names), "mixed": [-1, "-x", *names[2:]]})
    text = csv_text(frame)
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    assert not any(map(is_formula, cells))
    assert cells.count("-0.5") == len(names)
    back = read_csv(text.encode())
    assert list(back.columns) == list(frame.columns)
    assert list(back["class"]) == names
    assert list(back["mixed"]) == list(map(str, frame["mixed"]))


def test_the_classes_of_a_matrix_come_back_from_both_sides() -> None:
    names = [*EVIL, *filter(None, PLAIN)]
    matrix = pd.DataFrame(-1, index=pd.Index(names, name="true"), columns=pd.Index(names, name="predicted"))
    back = read_csv(csv_text(matrix, index=True).encode())
    assert list(back.columns) == ["true", *names]
    assert list(back["true"]) == names
    assert set(back[names[0]]) == {"-1"}


def test_a_table_without_such_texts_is_written_as_pandas_does() -> None:
    frame = pd.DataFrame({"a": pd.array([1, pd.NA], "Int64"), "b": [True, False], "c": ["x", None], "d": [0.1, 1e-9]})
    assert csv_text(frame) == frame.to_csv(index=False)
    mixed = pd.DataFrame({"a": pd.Series([1, None, 2.5, "y"], dtype=object)})
    assert csv_text(mixed) == mixed.to_csv(index=False)
    assert csv_text(frame[:0]) == frame[:0].to_csv(index=False)


@given(st.lists(CELLS, min_size=2))
def test_a_row_comes_back(cells: list[str]) -> None:
    [row] = csv.reader(io.StringIO(csv_row(cells), newline=""))
    assert list(map(unguarded, row)) == cells
