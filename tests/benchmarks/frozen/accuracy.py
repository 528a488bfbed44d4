"""Does the store cost accuracy? The same configurations and seeds without it, and with it in both of its dtypes."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import stats

from trainables.process import prepare

prepare(cpus=2)

from spaces.config.trial import FolderData, TrialConfig  # noqa: E402
from trainables.data.load import load  # noqa: E402
from trainables.dataset import AnyImages, chosen  # noqa: E402
from trainables.features.policy import Sharing, Source  # noqa: E402
from trainables.training.train import train  # noqa: E402

SIDE, IMAGES, EPOCHS, SEEDS = 96, 600, 10, (0, 1, 2)
CONFIGURATIONS = [
    {"depth": depth, "rate": rate, "dropout": dropout, "strength": strength}
    for (depth, rate), (dropout, strength) in product(
        [(0, 1e-3), (0, 1e-2), (1, 1e-3), (1, 3e-3), (2, 1e-3)], [(0.2, 0.25), (0.5, 0.5)]
    )
]


HOW = ("computed", "float16", "float32")
"""The features: anew in every epoch, or stored."""


def compare(data: Path, weights: Path, folder: Path, console: Console) -> None:
    """Trains all and prints best validation accuracies, their differences, and the rank correlations."""
    os.environ["TUNEHOUND_CACHE"] = str(folder)
    parts = _parts(data)
    scores = np.zeros((len(CONFIGURATIONS), len(SEEDS), len(HOW)))
    for number, values in enumerate(CONFIGURATIONS):
        scores[number] = [[_best(_config(weights, values, seed, how), parts, how) for how in HOW] for seed in SEEDS]
        console.print(f"[dim]{number + 1} of {len(CONFIGURATIONS)}: {scores[number].mean(axis=0).round(4)}[/]")
    _show(scores, console)


def _parts(data: Path) -> list[AnyImages]:
    """Images to train on, and to choose by."""
    found = load(FolderData(source="folder", path=str(data), image_size=SIDE, validation=0.2))
    random = np.random.default_rng(0)
    return [
        chosen(part, np.sort(random.permutation(len(part))[:count]))
        for part, count in ((found.train, IMAGES * 4 // 5), (found.validation, IMAGES // 5))
    ]


def _config(weights: Path, values: dict[str, Any], seed: int, how: str) -> TrialConfig:
    return TrialConfig.model_validate(
        {
            "data": {"source": "digits"},
            "model": {
                "kind": "pretrained",
                "backbone": "mobilenet_v2",
                "weights": str(weights),
                "input_size": SIDE,
                "unfrozen_blocks": values["depth"],
                "fine_tune_learning_rate": 1e-4,
                "head": {"dropout": values["dropout"]},
                "features": {"dtype": how} if how in HOW[1:] else {"store": "off"},
            },
            "augmentation": {
                "policy": {"flip": 0.5, "zoom": (0.8, 1.0), "brightness": 0.1},
                "strength": values["strength"],
            },
            "optimizer": {"learning_rate": values["rate"]},
            "training": {"epochs": EPOCHS, "seed": seed},
        }
    )


def _best(config: TrialConfig, parts: list[AnyImages], how: str) -> float:
    """Validation accuracy of the best epoch."""
    history = train(config, *parts, classes=20, sharing=Sharing(images="600 dogs", trials=len(CONFIGURATIONS))).history
    if any((row["features"] == Source.STORED) == (how == "computed") for row in history):
        raise SystemExit(f"features were not {how}")
    return max(row["val_accuracy"] for row in history)


def _show(scores: NDArray[np.float64], console: Console) -> None:
    """``scores``: float64 (configurations, seeds, `HOW`)."""
    table = Table(
        title=f"{len(CONFIGURATIONS)} configurations × {len(SEEDS)} seeds, {IMAGES} images at {SIDE} × {SIDE}"
    )
    for column in ("unfrozen", "rate", "dropout", "strength", *HOW):
        table.add_column(column, justify="right")
    means = scores.mean(axis=1)
    for values, of_one in zip(CONFIGURATIONS, means, strict=True):
        table.add_row(*(f"{value:g}" for value in values.values()), *(f"{score:.4f}" for score in of_one))
    console.print(table)
    for one, other in ((1, 0), (2, 0), (1, 2)):
        differences = means[:, one] - means[:, other]
        low, high = stats.t.interval(0.95, len(differences) - 1, differences.mean(), stats.sem(differences))
        console.print(
            f"{HOW[one]} less {HOW[other]}: {differences.mean():+.4f}, 95 % from {low:+.4f} to {high:+.4f} over "
            f"configurations; rank correlation (Spearman) {_ranks(means[:, one], means[:, other]):.3f}"
        )
    noise = scores.std(axis=1, ddof=1).mean(axis=0)
    console.print("standard deviation over seeds:", *(f"{how} {sd:.4f}" for how, sd in zip(HOW, noise, strict=True)))
    console.print(f"rank correlation of seeds 0 and 1, computed: {_ranks(scores[:, 0, 0], scores[:, 1, 0]):.3f}")


def _ranks(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(stats.spearmanr(one, other).statistic)
