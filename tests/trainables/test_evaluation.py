"""The metrics, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trainables.evaluation import by_class, evaluate, wilson

NAMES = ("a", "b", "c")
LABELS = np.array([0, 0, 1, 2])
PROBABILITIES = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.3, 0.6, 0.1]])


def test_accuracy_counts_the_most_probable_class() -> None:
    assert evaluate(PROBABILITIES, LABELS, NAMES).metrics["accuracy"] == 0.5


def test_macro_averages_count_each_class_alike() -> None:
    metrics = evaluate(PROBABILITIES, LABELS, NAMES).metrics
    assert metrics["macro_precision"] == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert metrics["macro_recall"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert metrics["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


def test_weighted_averages_count_each_class_by_its_images() -> None:
    metrics = evaluate(PROBABILITIES, LABELS, NAMES).metrics
    assert metrics["weighted_precision"] == pytest.approx((2 * 1 + 1 / 3 + 0) / 4)
    assert metrics["weighted_recall"] == pytest.approx(0.5)
    assert metrics["weighted_f1"] == pytest.approx((2 * 2 / 3 + 1 / 2 + 0) / 4)


def test_cross_entropy_is_the_mean_of_the_logarithms() -> None:
    expected = -sum(math.log(value) for value in (0.8, 0.2, 0.8, 0.1)) / 4
    assert evaluate(PROBABILITIES, LABELS, NAMES).metrics["cross_entropy"] == pytest.approx(expected)


def test_rounded_probabilities_of_float32_are_taken_without_a_warning() -> None:
    scores = np.random.default_rng(0).normal(size=(50, 20)).astype(np.float16).astype(np.float32)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    metrics = evaluate(
        probabilities.astype(np.float16).astype(np.float32), np.arange(50) % 20, [*"abcdefghijklmnopqrst"]
    )
    assert math.isfinite(metrics.metrics["cross_entropy"])


def test_a_certain_mistake_costs_a_finite_amount() -> None:
    assert 30 < evaluate(np.array([[1.0, 0.0]]), np.array([1]), ("a", "b")).metrics["cross_entropy"] < 40


def test_top5_is_left_out_where_five_classes_are_all() -> None:
    assert "top5_accuracy" not in evaluate(np.full((1, 5), 0.2), np.array([0]), [*"abcde"]).metrics


def test_top5_counts_the_true_class_among_the_first_five() -> None:
    probabilities = np.array([[0.3, 0.25, 0.2, 0.15, 0.08, 0.02]] * 2)
    metrics = evaluate(probabilities, np.array([4, 5]), [*"abcdef"]).metrics
    assert metrics["top5_accuracy"] == 0.5


def test_confusion_has_the_truth_in_rows_and_the_prediction_in_columns() -> None:
    confusion = evaluate(PROBABILITIES, LABELS, NAMES).confusion
    assert confusion.loc["a", "b"] == 1
    assert confusion.loc["b", "a"] == 0
    assert (confusion.index.name, confusion.columns.name) == ("true", "predicted")
    assert confusion.to_numpy().sum() == 4


def test_a_class_that_nobody_has_or_predicts_keeps_its_row_and_column() -> None:
    confusion = evaluate(np.array([[1.0, 0.0, 0.0]]), np.array([0]), NAMES).confusion
    assert confusion.shape == (3, 3)


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        ([[math.nan, 0.5]], [0], "got NaN or infinity for 1 of 1 images"),
        ([[3.0, -2.0]], [0], "logits"),
        ([[0.9, 0.9]], [0], "sum to 1"),
        ([[0.5, 0.5]], [2], r"whole numbers in \[0, 2\)"),
        ([[0.5, 0.5]], [0.5], "whole numbers"),
        ([[0.5, 0.5]], [0, 1], "labels shape"),
        ([[0.2, 0.3, 0.5]], [0], "2 classes"),
        (np.zeros((0, 2)), np.zeros(0, np.int64), "at least one image"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(probabilities: object, labels: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(np.asarray(probabilities), np.asarray(labels), ("a", "b"))


def test_each_class_has_its_images_and_scores() -> None:
    table = by_class(evaluate(PROBABILITIES, LABELS, NAMES).confusion)
    assert table.columns.tolist() == ["class", "images", "precision", "recall", "f1"]
    assert table["class"].tolist() == list(NAMES)
    assert table["images"].tolist() == [2, 1, 1]
    assert table["precision"].tolist() == pytest.approx([1, 1 / 3, 0])
    assert table["recall"].tolist() == pytest.approx([1 / 2, 1, 0])


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert wilson(0.0, 1)[0] == 0
