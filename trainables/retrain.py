"""best.yaml → train on train + validation → score the test split, once → a folder that needs nothing else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from spaces.config import TrialConfig
from spaces.load import load_config
from spaces.metric import maximised
from spaces.problem import InputError, Problem
from spaces.write import write_yaml
from trainables.history import Row
from trainables.checkpoint import Snapshot, put
from trainables.data.dataset import Dataset, Images
from trainables.data.load import load, load_test
from trainables.evaluation import Evaluation, evaluate
from trainables.predict import MODEL_FILE, PREPROCESSING_FILE
from trainables.training import Hooks, Trained, train

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How long to train, and at which rates: known before, so that nothing has to be looked at meanwhile."""

    config: TrialConfig
    learning_rates: tuple[float, ...] | None
    """One an epoch, replayed; None follows the configured schedule."""
    metric: str = "val_accuracy"
    """What early stopping looks at, where a part is held out."""


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """What retraining wrote."""

    folder: Path
    scores: tuple[Mapping[str, float], ...]
    """Test metrics, by seed."""
    test_images: int


def retrain(
    source: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    seeds: int = 1,
    holdout: float | None = None,
    output: str | os.PathLike[str],
    tell: Tell = lambda message: None,
) -> Retrained:
    """Trains a configuration on all images but the test split's, and scores that once.

    Where the file says how its trial trained (best.yaml does), the number of epochs and the learning rate of each are
    replayed. Of several seeds, the first one's model is saved, whatever their scores.

    Args:
        source: best.yaml, or any closed configuration.
        overrides: ``PATH=VALUE``.
        seeds: how many times to train, from the configured seed upwards.
        holdout: share of the images to stop early by, instead of replaying; in (0, 1).
        output: folder for model.keras, metrics.json, confusion.csv, history.csv, preprocessing.json, config.yaml.
        tell: is told of the progress.

    Raises:
        InputError: the file or the data are wrong, or ``output`` holds something else.
    """
    config, provenance = load_config(source, overrides)
    folder = Path(output)
    _refuse_foreign(folder)
    dataset = load(config.data)
    _warn_of_other_data(dataset, provenance, tell)
    images, recipe = _joined(dataset), _recipe(config, provenance, replay=holdout is None)
    runs = [_one_seed(recipe, images, dataset, seed, holdout=holdout, tell=tell) for seed in _seeds(config, seeds)]
    test = load_test(config.data)
    evaluations = [_score(model, test, dataset.class_names) for model, _ in runs]
    model, history = runs[0]
    _write(folder, model, history, evaluations, recipe=recipe, dataset=dataset, provenance=provenance)
    return Retrained(folder=folder, scores=tuple(e.metrics for e in evaluations), test_images=len(test))


def _recipe(config: TrialConfig, provenance: Mapping[str, Any], *, replay: bool) -> Recipe:
    rates, epochs = provenance.get("learning_rates"), provenance.get("epochs")
    metric = str(provenance.get("metric", "val_accuracy"))
    if not replay or not rates or not epochs:
        return Recipe(config=config, learning_rates=None, metric=metric)
    training = config.training.model_copy(update={"epochs": int(epochs)})
    replayed = config.model_copy(update={"training": training})
    return Recipe(config=replayed, learning_rates=tuple(map(float, rates)), metric=metric)


def _one_seed(
    recipe: Recipe, images: Images, dataset: Dataset, seed: int, *, holdout: float | None, tell: Tell
) -> tuple[keras.Model, tuple[Row, ...]]:
    training = recipe.config.training.model_copy(update={"seed": seed})
    config = recipe.config.model_copy(update={"training": training})
    part, held_out = _hold_out(images, holdout, seed=config.data.split_seed) if holdout else (images, None)
    best = _BestEpoch(recipe.metric)

    def on_epoch(row: Row, reason: object, snapshot: Callable[[], Any]) -> None:
        tell(_epoch_line(row, seed=seed, epochs=training.epochs))
        if held_out is not None:
            best.consider(row, snapshot)

    trained = train(
        config,
        part,
        held_out,
        classes=dataset.class_count,
        metric=recipe.metric,
        learning_rates=recipe.learning_rates,
        hooks=Hooks(on_epoch=on_epoch),
    )
    best.restore(trained)
    return trained.model(), trained.history


class _BestEpoch:
    """Keeps the state of the best epoch so far, for early stopping by a held-out part."""

    def __init__(self, metric: str) -> None:
        self._metric, self._sign = metric, 1 if maximised(metric) else -1
        self._score = -np.inf
        self._snapshot: Snapshot | None = None

    def consider(self, row: Row, snapshot: Callable[[], Snapshot]) -> None:
        """Takes a snapshot where this epoch is better than all before."""
        if self._sign * row[self._metric] > self._score:
            self._score, self._snapshot = self._sign * row[self._metric], snapshot()

    def restore(self, trained: Trained) -> None:
        """Brings the best epoch back, if one was kept."""
        if self._snapshot is not None:
            put(trained.built, self._snapshot)


def _joined(dataset: Dataset) -> Images:
    pixels = np.concatenate([dataset.train.images, dataset.validation.images])
    return Images(pixels, np.concatenate([dataset.train.labels, dataset.validation.labels]))


def _hold_out(images: Images, share: float, *, seed: int) -> tuple[Images, Images]:
    everything = np.arange(len(images))
    kept, held = train_test_split(everything, test_size=share, random_state=seed, stratify=images.labels)
    first, second = (Images(images.images[part], images.labels[part]) for part in (np.sort(kept), np.sort(held)))
    return first, second


def _seeds(config: TrialConfig, count: int) -> range:
    return range(config.training.seed, config.training.seed + count)


def _score(model: keras.Model, test: Images, class_names: Sequence[str]) -> Evaluation:
    return evaluate(model.predict(test.images, batch_size=256, verbose=0), test.labels, class_names)


def _write(
    folder: Path,
    model: keras.Model,
    history: Sequence[Row],
    evaluations: Sequence[Evaluation],
    *,
    recipe: Recipe,
    dataset: Dataset,
    provenance: Mapping[str, Any],
) -> None:
    """Fills a new folder and puts it in the place of an earlier one, so that no mixture of two is ever seen."""
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    model.save(fresh / MODEL_FILE)
    height, width, channels = dataset.image_shape
    described = {"image_size": [height, width], "channels": channels, "class_names": list(dataset.class_names)}
    (fresh / PREPROCESSING_FILE).write_text(json.dumps(described, indent=2) + "\n")
    (fresh / "metrics.json").write_text(json.dumps(_metrics(evaluations, recipe.config), indent=2) + "\n")
    evaluations[0].confusion.to_csv(fresh / "confusion.csv")
    pd.DataFrame(history).astype({"epoch": int}).to_csv(fresh / "history.csv", index=False)
    write_yaml(fresh / "config.yaml", recipe.config.model_dump(mode="json") | {"provenance": dict(provenance)})
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _metrics(evaluations: Sequence[Evaluation], config: TrialConfig) -> dict[str, Any]:
    """metrics.json: the scores of the saved model at the top level; over several seeds, mean and sd beside them."""
    first = evaluations[0].metrics
    told: dict[str, Any] = dict(first) | {"epochs": config.training.epochs, "test_images": int(evaluations[0].confusion.to_numpy().sum())}
    if len(evaluations) > 1:
        scores = pd.DataFrame([evaluation.metrics for evaluation in evaluations])
        told["seeds"] = list(_seeds(config, len(evaluations)))
        told["mean"], told["sd"] = scores.mean().to_dict(), scores.std(ddof=1).to_dict()
    return told


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or (folder / MODEL_FILE).exists())):
        problem = Problem(
            rule="the output folder must be new, empty, or of an earlier retraining",
            remedy="name another one with -o",
        )
        raise InputError([problem], str(folder))


def _warn_of_other_data(dataset: Dataset, provenance: Mapping[str, Any], tell: Tell) -> None:
    recorded = provenance.get("data_fingerprint")
    if recorded and recorded != dataset.fingerprint:
        tell(f"Warning: this is not the data of the search (fingerprint {dataset.fingerprint}, then {recorded}).")


def _epoch_line(row: Row, *, seed: int, epochs: int) -> str:
    measured = "  ".join(f"{name} {row[name]:.4f}" for name in ("loss", "accuracy", "val_accuracy") if name in row)
    return f"seed {seed}  epoch {int(row['epoch'])}/{epochs}  {measured}"
