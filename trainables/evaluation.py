"""How good predictions are: a few numbers, and the confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from spaces.printable import encodable

TOP = 5
"""`top5_accuracy` counts a prediction as right if the true class is among this many of the most probable ones."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Metrics by name, and the confusion matrix."""

    metrics: Mapping[str, float]
    """accuracy, top5_accuracy (with more than five classes), weighted_ and macro_ precision, recall and f1, in [0, 1];
    and cross_entropy in nats, ≥ 0."""
    confusion: pd.DataFrame
    """Images by true class (rows) and predicted class (columns), both by name in the order of the labels."""


def evaluate(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], class_names: Sequence[str]
) -> Evaluation:
    """Compare predictions with the truth, using scikit-learn's metrics.

    Shapes: ``probabilities`` (n, k), rows that sum to 1; ``labels`` (n,), whole numbers in [0, k); k ``class_names``.

    The prediction is the most probable class, the first of equal ones. Precision of a class never predicted, and
    recall of a class without images, count as 0; macro averages are over all k classes. A true class of probability 0
    adds -log of the smallest step above 1 (36 nats), not infinity, to the cross entropy.

    Raises:
        ValueError: shapes differ; there are no images; or probabilities are NaN, negative or do not sum to 1.
    """
    check(probabilities, labels, len(class_names))
    exact = np.asarray(probabilities, dtype=np.float64)
    exact = exact / exact.sum(axis=1, keepdims=True)  # float32 rows miss 1 by more than scikit-learn lets pass
    predicted, classes = exact.argmax(axis=1), np.arange(len(class_names))
    metrics = {"accuracy": float(accuracy_score(labels, predicted))}
    if len(classes) > TOP:
        metrics["top5_accuracy"] = float(top_k_accuracy_score(labels, exact, k=TOP, labels=classes))
    for average in ("weighted", "macro"):
        metrics |= averaged(labels, predicted, classes, average)
    metrics["cross_entropy"] = float(log_loss(labels, exact, labels=classes))
    truth, guess = (pd.Index(list(map(encodable, class_names)), name=name) for name in ("true", "predicted"))
    matrix = confusion_matrix(labels, predicted, labels=classes)
    return Evaluation(metrics, pd.DataFrame(matrix, index=truth, columns=guess))


def averaged(
    labels: NDArray[np.integer], predicted: NDArray[np.integer], classes: NDArray[np.integer], average: str
) -> dict[str, float]:
    """Return precision, recall and F1 over the classes: "macro" weights each equally, "weighted" by its images."""
    scores = precision_recall_fscore_support(labels, predicted, labels=classes, average=average, zero_division=0)
    return {
        f"{average}_{name}": float(score) for name, score in zip(("precision", "recall", "f1"), scores, strict=False)
    }


def averages(confusion: NDArray[np.number]) -> dict[str, float]:
    """Return precision, recall and F1 of a confusion matrix (true classes in rows), as `averaged` does for labels."""
    matrix = np.asarray(confusion, dtype=np.float64)
    true, scores = matrix.sum(axis=1), _scores(matrix)
    macro = {f"macro_{name}": float(score.mean()) for name, score in scores.items()}
    return macro | {f"weighted_{name}": float(score @ true / true.sum()) for name, score in scores.items()}


def by_class(confusion: pd.DataFrame) -> pd.DataFrame:
    """Return a row per class: class, images (of it), precision, recall, f1; 0 if there is nothing to divide by."""
    matrix = confusion.to_numpy(dtype=np.float64)
    images = matrix.sum(axis=1).astype(int)
    return pd.DataFrame({"class": list(confusion.index), "images": images, **_scores(matrix)})


def _scores(matrix: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return precision, recall and F1 of each class, from a confusion matrix."""
    right, true, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    return {
        "precision": _shares(right, predicted),
        "recall": _shares(right, true),
        "f1": _shares(2 * right, true + predicted),
    }


def _shares(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide class by class; 0 of nothing is 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def check(probabilities: NDArray[np.floating], labels: NDArray[np.integer], classes: int) -> None:
    """Check the arguments of `evaluate`. Raises: ValueError."""
    if probabilities.ndim != 2 or probabilities.shape[1] != classes or labels.shape != probabilities.shape[:1]:
        given = f"{probabilities.shape} and {labels.shape} for {classes} classes"
        raise ValueError(f"probabilities must have shape (n, classes) and labels shape (n,); got {given}")
    if len(labels) == 0:
        raise ValueError("there must be at least one image to evaluate; got none")
    broken = int((~np.isfinite(probabilities)).any(axis=1).sum())
    if broken:
        raise ValueError(f"probabilities must be finite; got NaN or infinity for {broken} of {len(labels)} images")
    if (probabilities < 0).any() or not np.allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-2):
        raise ValueError("each row of probabilities must be at least 0 and sum to 1; got something else (logits?)")
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= classes:
        given = f"{labels.dtype} between {labels.min()} and {labels.max()}"
        raise ValueError(f"labels must be whole numbers in [0, {classes}); got {given}")


def wilson(share: float, count: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval (1927) of the probability behind a share, in [0, 1], of ``count`` ≥ 1 cases."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)
