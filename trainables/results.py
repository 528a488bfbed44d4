"""The folder that retraining leaves: written whole, never a mixture of two, never over anything else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from spaces.problem import InputError, Problem
from spaces.write import write_yaml
from trainables.data.dataset import Dataset
from trainables.evaluation import Evaluation
from trainables.history import Row
from trainables.predict import MODEL_FILE, PREPROCESSING_FILE
from trainables.recipe import Recipe

METRICS_FILE, CONFUSION_FILE, HISTORY_FILE, CONFIG_FILE = "metrics.json", "confusion.csv", "history.csv", "config.yaml"
FILES = frozenset({MODEL_FILE, PREPROCESSING_FILE, METRICS_FILE, CONFUSION_FILE, HISTORY_FILE, CONFIG_FILE})


@dataclass(frozen=True, kw_only=True)
class Model:
    """One retrained model."""

    seed: int
    network: keras.Model
    """In stock Keras layers."""
    history: tuple[Row, ...]
    epochs: int
    """How many epochs its weights have seen: all, or up to the best one by a held-out part."""


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """What retraining wrote."""

    folder: Path
    scores: tuple[Mapping[str, float], ...]
    """Test metrics, by seed."""
    test_images: int


def room_for(folder: Path) -> None:
    """Makes sure, before any training, that ``folder`` may be written.

    Raises:
        InputError: it holds something that no retraining left there, or it cannot be made.
    """
    if folder.exists() and not (folder.is_dir() and {path.name for path in folder.iterdir()} <= FILES):
        rule, given = "the output folder must be new, empty, or of an earlier retraining alone", str(folder)
        raise InputError([Problem(rule=rule, given=given, remedy="name another one with -o")], str(folder))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        rule, remedy = "the output folder must be one that can be made", "name another one with -o"
        raise InputError([Problem(rule=rule, given=str(error), remedy=remedy)], str(folder)) from error


def write(
    folder: Path, models: Sequence[Model], evaluations: Sequence[Evaluation], *, recipe: Recipe, dataset: Dataset
) -> None:
    """Fills a new folder with the first model and all scores, and puts it in the place of an earlier one."""
    fresh, stale = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir()
    height, width, channels = dataset.image_shape
    described = {"image_size": [height, width], "channels": channels, "class_names": list(dataset.class_names)}
    models[0].network.save(fresh / MODEL_FILE)
    _write_json(fresh / PREPROCESSING_FILE, described)
    _write_json(fresh / METRICS_FILE, _metrics(models, evaluations))
    evaluations[0].confusion.to_csv(fresh / CONFUSION_FILE)
    pd.DataFrame(models[0].history).astype({"epoch": int}).to_csv(fresh / HISTORY_FILE, index=False)
    closed = recipe.config.model_dump(mode="json")
    write_yaml(fresh / CONFIG_FILE, closed | ({"provenance": dict(recipe.provenance)} if recipe.provenance else {}))
    if folder.exists():
        folder.rename(stale)
    fresh.rename(folder)
    shutil.rmtree(stale, ignore_errors=True)


def _metrics(models: Sequence[Model], evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """metrics.json: the scores of the saved model at the top level; over several seeds, mean and sd beside them."""
    images = int(evaluations[0].confusion.to_numpy().sum())
    told = {**evaluations[0].metrics, "epochs": models[0].epochs, "test_images": images}
    if len(models) == 1:
        return told
    scores = pd.DataFrame([dict(evaluation.metrics) for evaluation in evaluations])
    seeds = [model.seed for model in models]
    return told | {"seeds": seeds, "mean": scores.mean().to_dict(), "sd": scores.std(ddof=1).to_dict()}


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
