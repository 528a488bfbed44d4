"""The smallest things that train: 200 digits, a network of four filters, one thread. Import it before TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from trainables.process import prepare

prepare(cpus=1)  # bit for bit needs one thread, and TensorFlow takes the number only before it wakes

from spaces.config.trial import DigitsData, TrialConfig  # noqa: E402
from trainables.data.load import load  # noqa: E402
from trainables.dataset import Images  # noqa: E402
from trainables.training.train import Trained, train  # noqa: E402

CNN = {"kind": "cnn", "blocks": 1, "filters": 4}
MOBILENET = {"kind": "pretrained", "backbone": "mobilenet_v2", "alpha": 0.35, "input_size": 32, "weights": "none"}
MEASURED = ("loss", "accuracy", "val_loss", "val_accuracy", "val_top5_accuracy", "learning_rate")


def config(
    model: Mapping[str, Any] | None = None,
    *,
    optimizer: Mapping[str, Any] | None = None,
    augmentation: Mapping[str, Any] | None = None,
    **training: Any,
) -> TrialConfig:
    """Two epochs of the small network; what is named replaces or adds."""
    data: dict[str, Any] = {
        "data": {"source": "digits"},
        "model": {**CNN, **(model or {})} if (model or {}).get("kind", "cnn") == "cnn" else model,
        "optimizer": {**(optimizer or {})},
        "augmentation": {"policy": ("flip", "shift"), **(augmentation or {})},
        "training": {"epochs": 2, **training},
    }
    return TrialConfig.model_validate(data)


def mobilenet(**model: Any) -> dict[str, Any]:
    """Settings of the smallest MobileNetV2."""
    return {**MOBILENET, **model}


@lru_cache
def digits() -> tuple[Images, Images]:
    """200 images to train on and 60 to choose by."""
    dataset = load(DigitsData(source="digits"))
    parts = (dataset.train, 200), (dataset.validation, 60)
    first, second = (Images(part.images[:count], part.labels[:count]) for part, count in parts)
    return first, second


def fit(settings: TrialConfig, **options: Any) -> Trained:
    """Trains on the digits."""
    images, validation = digits()
    return train(settings, images, validation, classes=10, **options)


def measured(trained: Trained) -> list[tuple[float, ...]]:
    """The history without the clock."""
    return [tuple(row[name] for name in MEASURED) for row in trained.history]
