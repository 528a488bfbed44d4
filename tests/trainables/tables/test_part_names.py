"""Names of parts: the spellings that are understood, and the words that only begin alike."""

from __future__ import annotations

import pytest

from trainables.tables.part_names import flag_of, part_of

SPELLINGS = {
    "train": ("train", "Training", "TRAIN", "trn", "train_images", "train-set", "01_train", "Train2017", "trainval"),
    "val": ("val", "valid", "Validation", "DEV", "val_set", "02 validation", "PublicTest"),
    "test": ("test", "Testing", "test_images", "eval", "Hold-out", "test1", "PrivateTest"),
}


@pytest.mark.parametrize(("part", "names"), SPELLINGS.items())
def test_usual_spellings_in_any_case_name_a_part(part: str, names: tuple[str, ...]) -> None:
    assert {part_of(name) for name in names} == {part}


@pytest.mark.parametrize("name", ["", "trainer", "strain", "valley", "testament", "device", "0", "extra", "resting"])
def test_other_words_name_none(name: str) -> None:
    assert part_of(name) is None


def test_false_is_train_except_where_true_is() -> None:
    assert flag_of("is_test") == ("test", "train")
    assert flag_of("isValidation") == ("val", "train")
    assert flag_of("Is_Train") == ("train", "test")
    assert flag_of("is_male") is None
