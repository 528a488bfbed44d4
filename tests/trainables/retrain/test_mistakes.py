"""Which mistakes are shown, and how."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from trainables.dataset import Images
from trainables.retrain.mistakes import (
    EXAMPLES,
    PAIRS,
    SIDE_PX,
    mistakes_table,
    picture,
    worst_mistakes,
    write_pictures,
)

LABELS = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
PREDICTED = np.array([1, 1, 0, 0, 1, 1, 1, 1, 1])
SURE = np.array([0.6, 0.8, 0.9, 0.95, 0.9, 0.5, 0.9, 0.7, 0.8])


def probabilities() -> np.ndarray:
    table = np.repeat((1 - SURE)[:, None] / 2, 3, axis=1)
    table[np.arange(9), PREDICTED] = SURE
    return table


def test_the_most_frequent_pairs_come_first_and_of_each_the_surest_mistakes() -> None:
    told = [(each.true, each.predicted, each.position, each.file) for each in worst_mistakes(probabilities(), LABELS)]
    assert told == [
        (2, 1, 6, "mistakes/01-1.png"),
        (2, 1, 8, "mistakes/01-2.png"),
        (2, 1, 7, "mistakes/01-3.png"),
        (0, 1, 1, "mistakes/02-1.png"),
        (0, 1, 0, "mistakes/02-2.png"),
        (1, 0, 3, "mistakes/03-1.png"),
    ]


def test_the_number_of_pairs_and_of_examples_is_bounded() -> None:
    draw = np.random.default_rng(0)
    mistakes = worst_mistakes(draw.dirichlet(np.ones(20), 2000), draw.integers(0, 20, 2000))
    assert len({(each.true, each.predicted) for each in mistakes}) == PAIRS
    assert len(mistakes) == PAIRS * EXAMPLES


def test_the_table_names_images_as_people_do_and_each_has_its_picture(tmp_path: Path) -> None:
    images = Images(np.arange(9, dtype=np.uint8).repeat(6 * 5 * 3).reshape(9, 6, 5, 3), LABELS)
    mistakes = worst_mistakes(probabilities(), LABELS)
    write_pictures(tmp_path, mistakes, images)
    table = mistakes_table(mistakes, class_names=["a", "b, c", "d"], image=lambda position: f"photo {position}.jpg")
    assert list(table.columns) == ["true", "predicted", "probability", "image", "file"]
    assert tuple(table.iloc[0]) == ("d", "b, c", 0.9, "photo 6.jpg", "mistakes/01-1.png")
    shown = np.asarray(Image.open(tmp_path / table["file"][0]))
    assert shown.shape == (6, 5, 3)
    assert (shown == 6).all()


def test_a_model_without_mistakes_leaves_a_table_of_none_and_no_pictures(tmp_path: Path) -> None:
    assert worst_mistakes(np.eye(3), np.arange(3)) == []
    write_pictures(tmp_path, [], Images(np.zeros((1, 2, 2, 1), np.uint8), np.zeros(1, np.int64)))
    mistakes_table([], class_names=[], image=str).to_csv(tmp_path / "mistakes.csv", index=False)
    assert len(pd.read_csv(tmp_path / "mistakes.csv")) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mistakes.csv"]


def test_large_pictures_are_shrunk_and_grey_ones_stay_grey() -> None:
    assert picture(np.zeros((300, 200, 3), np.uint8)).size == (SIDE_PX * 2 // 3, SIDE_PX)
    assert picture(np.zeros((8, 8, 1), np.uint8)).mode == "L"
