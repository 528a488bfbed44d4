"""What labels are: classes, amounts, several labels in a cell, or words for a missing one."""

from __future__ import annotations

import pytest

from trainables.tables.label_kind import doubt_about

KINDS = ("cat", "dog", "owl")
CLASSES = {
    "names": KINDS * 4,
    "whole numbers that recur": tuple(str(number % 10) for number in range(36)),
    "many whole numbers that recur": tuple(str(number % 120) for number in range(600)),
    "halves that recur": tuple(f"{number % 4 / 2}" for number in range(36)),
    "ten ratings": tuple(f"{number % 10 / 2}" for number in range(100)),
    "names of two words": ("polar bear", "black bear", "brown bear", "polar bear") * 3,
    "names that begin alike": ("Pear", "Pear Abate", "Pear Red", "Lemon", "Lemon Meyer") * 3,
    "names with commas": ("tench, Tinca tinca", "goldfish, Carassius auratus", "hen") * 3,
    "one name": ("cat",) * 3,
}
LISTS = {
    "as lists": ("['cat']", "['cat', 'dog']", "['dog']"),
    "separated by bars": ("cat", "cat|wet", "dog|wet"),
    "separated by semicolons": ("cat;dog", "dog", "cat"),
    "separated by commas": ("cat, wet", "dog, wet", "owl"),
    "separated by spaces": ("cat", "cat outdoor", "dog", "dog outdoor"),
}


@pytest.mark.parametrize("labels", CLASSES.values(), ids=CLASSES)
def test_classes_are_not_doubted(labels: tuple[str, ...]) -> None:
    assert doubt_about(labels, "label") is None


@pytest.mark.parametrize(
    ("labels", "words", "certainty"),
    [
        ([f"{1 + n * 0.37:.2f}" for n in range(36)], "age holds numbers, 36 different ones from 1 to 13.95", "certain"),
        ([f"{n * 0.37:.2f}".replace(".", ",") for n in range(36)], "age holds numbers, 36 different", "certain"),
        ([str(18 + n) for n in range(36)], "age holds whole numbers, 36 different ones from 18 to 53", "certain"),
        ([f"{n % 40 / 2}" for n in range(800)], "age holds numbers, 40 different ones from 0 to 19.5", "likely"),
    ],
)
def test_amounts_are_called_regression(labels: list[str], words: str, certainty: str) -> None:
    doubt = doubt_about(labels, "age")
    assert doubt is not None
    assert words in doubt.finding
    assert "regression" in doubt.finding
    assert doubt.certainty == certainty


@pytest.mark.parametrize(("how", "labels"), LISTS.items())
def test_several_labels_in_a_cell_are_recognised(how: str, labels: tuple[str, ...]) -> None:
    doubt = doubt_about(labels * 6, "tags")
    assert doubt is not None
    assert f"tags seems to hold several labels an image, {how}: “" in doubt.finding
    assert doubt.certainty == "likely"


def test_words_for_a_missing_label_are_named_with_their_number() -> None:
    doubt = doubt_about(["cat", "dog", "NaN", "NaN"], "label")
    assert doubt is not None
    assert doubt.finding.startswith("label holds “NaN” (2), which programs write")
    assert doubt.certainty == "possible"
