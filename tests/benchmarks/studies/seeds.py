"""Trains the winner and the baseline of a run again on several seeds, and compares their validation in the mean.

python tests/benchmarks/studies/seeds.py RUN [--seeds 3]

Also told, of every fine-tuned trial of the run: what the head alone had reached, and what the first epoch after it was
unfrozen left of that. What is finished is kept in RUN/seeds.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from spaces.config.metric import maximised
from spaces.file.load import load_config, read_yaml
from trainables.process import prepare

Curves = dict[str, list[dict[str, float]]]


def main() -> None:
    """Trains what is left to train, then prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    prepare(cpus=2)
    run: Path = arguments.run
    board = pd.read_csv(run / "leaderboard.csv")
    metric = str(read_yaml(run / "sweep.yaml")["search"]["metric"])
    trials = {"winner": int(board["trial"][0]), "baseline": int(board["trial"][board["baseline"]].iloc[0])}
    kept = run / "seeds.json"
    curves: Curves = json.loads(kept.read_text()) if kept.exists() else {}
    for name, number in trials.items():
        for seed in range(1, arguments.seeds + 1):
            if f"{name} {seed}" not in curves:
                curves[f"{name} {seed}"] = trained(run / "trials" / str(number), seed=seed, metric=metric)
                kept.write_text(json.dumps(curves))
                Console(stderr=True).print(f"{name}, seed {seed}: {best(curves[f'{name} {seed}'], metric):.4f}")
    Console().print(compared(trials, curves, metric), fine_tuned(run))


def trained(trial: Path, *, seed: int, metric: str) -> list[dict[str, float]]:
    """The history of a trial's configuration under another seed."""
    from trainables.data.load import load
    from trainables.training.train import train

    config, _ = load_config(trial / "config.yaml", [f"training.seed={seed}"])
    data = load(config.data)
    return [
        dict(row) for row in train(config, data.train, data.validation, classes=data.class_count, metric=metric).history
    ]


def best(history: list[dict[str, float]], metric: str) -> float:
    """The metric at its best epoch."""
    return (max if maximised(metric) else min)(row[metric] for row in history)


def compared(trials: dict[str, int], curves: Curves, metric: str) -> Table:
    """Mean and standard deviation over seeds."""
    shown = Table("", "trial", f"{metric}, a seed each", "mean ± sd")
    for name, number in trials.items():
        values = [best(history, metric) for key, history in sorted(curves.items()) if key.startswith(f"{name} ")]
        spread = f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
        shown.add_row(name, str(number), "  ".join(f"{value:.4f}" for value in values), spread)
    return shown


def fine_tuned(run: Path) -> Table:
    """What became of the head's accuracy in the first epoch of each fine-tuning."""
    shown = Table("fine-tuned trial", "blocks", "rate", "head alone", "first epoch unfrozen", "kept")
    for folder in sorted((run / "trials").iterdir(), key=lambda each: int(each.name)):
        model: dict[str, Any] = read_yaml(folder / "config.yaml")["model"]
        history = pd.read_csv(folder / "history.csv").set_index("epoch") if (folder / "history.csv").exists() else None
        last_head_epoch = model.get("head_epochs", 0)
        if not model.get("unfrozen_blocks") or history is None or last_head_epoch + 1 not in history.index:
            continue
        before, after = (float(history["val_accuracy"][epoch]) for epoch in (last_head_epoch, last_head_epoch + 1))
        rate = f"{model['fine_tune_learning_rate']:.2g}"
        row = (
            folder.name,
            str(model["unfrozen_blocks"]),
            rate,
            f"{before:.4f}",
            f"{after:.4f}",
            f"{after / before:.2f}",
        )
        shown.add_row(*row)
    return shown


if __name__ == "__main__":
    main()
