"""The card says once what the test part shares with the others, and does not contradict itself."""

from __future__ import annotations

from typing import Any

import pytest

from trainables.dataset import DataInfo, Leak
from trainables.retrain.copies_found import copies_found

NEAR = Leak("train: 1.png", "test: 2.png")


def info(**found: Any) -> DataInfo:
    plain: dict[str, Any] = {"image_shape": (8, 8, 1), "class_names": (), "counts": {}, "fingerprint": "", "leaks": ()}
    return DataInfo(**(plain | found))


@pytest.mark.parametrize(
    ("found", "leaked", "lines"),
    [
        ({}, 0, ["No test image occurs, pixel for pixel, in the training images; near-copies were not looked for."]),
        ({"near_copies": ()}, 0, ["No test image occurs in the training images, pixel for pixel or resized or"]),
        ({"near_copies": (Leak("train: 1", "validation: 2"),)}, 0, ["No test image occurs in the training images, "]),
        (
            {"near_copies": (NEAR,)},
            0,
            ["No test image occurs, pixel for pixel, in", "Test images that look almost like"],
        ),
        ({}, 3, ["3 test images also occur, pixel for pixel, in the training data"]),
        ({"near_copies": (NEAR,)}, 3, ["3 test images also occur", "Test images that look almost like"]),
        (
            {"near_copies": (), "two_labels": (NEAR,)},
            0,
            ["No test image occurs", "Images that stand under two labels in the data: 1"],
        ),
    ],
)
def test_each_finding_has_one_sentence(found: dict[str, Any], leaked: int, lines: list[str]) -> None:
    said = list(copies_found(info(**found), leaked=leaked))
    assert len(said) == len(lines)
    assert all(sentence.startswith(start) for sentence, start in zip(said, lines, strict=True))
