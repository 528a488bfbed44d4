"""Does the store cost accuracy? The same configurations and seeds, with it and without."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import stats

from trainables.environment import prepare

prepare(cpus=2)

from spaces.config import FolderData, TrialConfig  # noqa: E402
from trainables.data.dataset import AnyImages, chosen  # noqa: E402
from trainables.data.load import load  # noqa: E402
from trainables.features.rule import Sharing, Source  # noqa: E402
from trainables.training import train  # noqa: E402

SIDE, IMAGES, EPOCHS, SEEDS = 96, 600, 10, (0, 1, 2)
CONFIGURATIONS = [
    {"depth": depth, "rate": rate, "dropout": dropout, "strength": strength}
    for (depth, rate), (dropout, strength) in product(
        [(0, 1e-3), (0, 1e-2), (1, 1e-3), (1, 3e-3), (2, 1e-3)], [(0.2, 0.25), (0.5, 0.5)]
    )
]


def compare(data: Path, weights: Path, folder: Path, console: Console) -> None:
    """Trains all and prints best validation accuracies, their differences, and the rank correlation."""
    os.environ["TUNEHOUND_CACHE"] = str(folder)
    found = load(FolderData(source="folder", path=str(data), image_size=SIDE, validation=0.2))
    random = np.random.default_rng(0)
    parts = [
        chosen(part, np.sort(random.permutation(len(part))[:count]))
        for part, count in ((found.train, IMAGES * 4 // 5), (found.validation, IMAGES // 5))
    ]
    scores = np.zeros((len(CONFIGURATIONS), len(SEEDS), 2))
    for number, values in enumerate(CONFIGURATIONS):
        scores[number] = [_pair(weights, values, seed, parts) for seed in SEEDS]
        console.print(f"[dim]{number + 1} of {len(CONFIGURATIONS)}: {scores[number].mean(axis=0)}[/]")
    table = Table(
        title=f"{len(CONFIGURATIONS)} configurations × {len(SEEDS)} seeds, {IMAGES} images at {SIDE} × {SIDE}"
    )
    for column in ("unfrozen", "rate", "dropout", "strength", "computed", "stored", "difference"):
        table.add_column(column, justify="right")
    for values, (computed, stored) in zip(CONFIGURATIONS, scores.mean(axis=1), strict=True):
        table.add_row(
            *(f"{value:g}" for value in values.values()),
            f"{computed:.4f}",
            f"{stored:.4f}",
            f"{stored - computed:+.4f}",
        )
    console.print(table)
    differences = scores[..., 1].mean(axis=1) - scores[..., 0].mean(axis=1)
    low, high = stats.t.interval(0.95, len(differences) - 1, differences.mean(), stats.sem(differences))
    console.print(
        f"stored less computed: {differences.mean():+.4f}, 95 % from {low:+.4f} to {high:+.4f} over configurations"
    )
    noise = scores.std(axis=1, ddof=1).mean(axis=0)
    console.print(f"standard deviation over seeds: computed {noise[0]:.4f}, stored {noise[1]:.4f}")
    computed, stored = scores.mean(axis=1).T
    console.print(
        f"rank correlation of the configurations (Spearman): {stats.spearmanr(computed, stored).statistic:.3f}"
    )
    halves = stats.spearmanr(scores[:, 0, 0], scores[:, 1:, 0].mean(axis=1)).statistic
    console.print(f"the same between seed 0 and the others, computed alone: {halves:.3f}")


def _pair(weights: Path, values: dict[str, Any], seed: int, parts: list[AnyImages]) -> tuple[float, float]:
    """The best validation accuracy, computed and stored."""
    config = TrialConfig.model_validate(
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
            },
            "augmentation": {
                "policy": {"flip": 0.5, "zoom": (0.8, 1.0), "brightness": 0.1},
                "strength": values["strength"],
            },
            "optimizer": {"learning_rate": values["rate"]},
            "training": {"epochs": EPOCHS, "seed": seed},
        }
    )
    best = []
    for sharing in (None, Sharing(images="600 dogs", trials=len(CONFIGURATIONS))):
        history = train(config, *parts, classes=20, sharing=sharing).history
        if sharing is not None and any(row["features"] != Source.STORED for row in history):
            raise SystemExit("the store was not used")
        best.append(max(row["val_accuracy"] for row in history))
    return best[0], best[1]
