"""Text out of data and files moves no cursor, turns no text around and breaks out of no line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.printable import printable
from spaces.problem import InputError, Problem


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("akita", "akita"),
        ("Ångström · 柴犬 · 🐕", "Ångström · 柴犬 · 🐕"),
        ("a\u00a0b", "a\u00a0b"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("over\rwritten\b\x00", r"over\rwritten\x08\x00"),
        ("two\nlines\tand\x0bmore\x0c", r"two\nlines\tand\x0bmore\x0c"),
        ("\x7f\x85\x9b31m", r"\x7f\x85\x9b31m"),
        ("cat\u202egnp.exe\u2066", r"cat\u202egnp.exe\u2066"),
        ("one\u2028two\u2029", r"one\u2028two\u2029"),
        ("gr\udcfcn", r"gr\udcfcn"),
        ("نمی\u200cخواهم", "نمی\u200cخواهم"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_what_is_meant_is_kept() -> None:
    assert printable("a\nb\x1b\n", keep="\n") == "a\nb\\x1b\n"


@given(st.text())
def test_nothing_else_changes(text: str) -> None:
    shown = printable(text)
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in shown)
    assert shown.encode().decode() == shown
    if text.isprintable():
        assert shown == text


def test_a_problem_is_three_lines_whatever_its_names_are_made_of() -> None:
    evil = "a\n\x1b[2Jb\u202e"
    problem = Problem(path=("trial", evil), rule=f"no {evil}", given=evil, remedy=f"mend {evil}", line=3)
    told = str(InputError([problem], f"{evil}.yaml"))
    assert told.count("\n") == 2
    assert printable(told, keep="\n") == told
    assert told.count(printable(evil)) == 5
