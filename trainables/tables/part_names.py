"""The names that people give to the parts of a data set: to folders, and in the cells and headers of tables."""

from __future__ import annotations

import re
from typing import Literal

PartName = Literal["train", "val", "test"]

USUAL: dict[str, PartName] = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""Names that always mean a part, in upper or lower case; the others only where nothing speaks against it."""
STEMS: dict[PartName, str] = {
    "train": "train|training|trn|trainval",
    "val": "val|valid|validation|dev|devel|development|publictest",
    "test": "test|testing|tst|eval|evaluation|holdout|heldout|privatetest",
}
NOUNS = "set|split|part|partition|data|images|imgs|image"
TRUE, FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")


def part_of(name: str) -> PartName | None:
    """Return the part that a name means: `train`, `Training`, `trn`, `01_train-images`, `val2017`, …, or None."""
    letters = re.sub(r"[\W_]+", "", name.casefold())
    for part, stems in STEMS.items():
        if re.fullmatch(rf"\d*({stems})({NOUNS})?\d*", letters):
            return part
    return None


def flag_of(column: str) -> tuple[PartName, PartName] | None:
    """Return what true and false mean in a column of the name of a part: `is_test`, `valid`; None for other columns.

    False is train, except in `is_train`, where it is test: images that were kept out of training stay out of it.
    """
    part = part_of(re.sub(r"^is[\W_]*", "", column.casefold()))
    return None if part is None else (part, "test" if part == "train" else "train")
