"""The folder that retraining leaves: written whole, never a mixture of two, never over anything else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spaces.file.write import write_text, write_yaml
from spaces.problem import InputError, Problem
from trainables.data.split import Selection
from trainables.dataset import AnyImages
from trainables.evaluation import Evaluation
from trainables.retrain.card import Facts, card
from trainables.retrain.export_formats import FORMATS, export
from trainables.retrain.mistakes import FOLDER, mistakes_table, worst_mistakes, write_pictures
from trainables.retrain.predict import MODEL_FILE, PREPROCESSING_FILE
from trainables.spreadsheet import csv_text
from trainables.training.history import Row

METRICS_FILE, CONFUSION_FILE, HISTORY_FILE, CONFIG_FILE = "metrics.json", "confusion.csv", "history.csv", "config.yaml"
CLASSES_FILE, MISTAKES_FILE, CARD_FILE = "classes.csv", "mistakes.csv", "README.md"
FILES = frozenset(
    {MODEL_FILE, PREPROCESSING_FILE, METRICS_FILE, CONFUSION_FILE, HISTORY_FILE, CONFIG_FILE}
    | {CLASSES_FILE, MISTAKES_FILE, CARD_FILE}
)
"""What there always is."""
OWN = {FOLDER: r"\d\d-\d\.png", "saved_model": r"assets|variables|fingerprint\.pb|saved_model\.pb"}
"""The folders that may be there, and what may be in them."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One retrained model."""

    seed: int
    weights: Sequence[np.ndarray]
    """Of the network in stock Keras layers."""
    history: tuple[Row, ...]
    epochs: int
    """How many epochs its weights have seen: all, or up to the best one by a held-out part."""


@dataclass(frozen=True, kw_only=True)
class Tested:
    """The models on the test split."""

    network: keras.Model
    """In stock Keras layers, with the weights of the first."""
    models: Sequence[Model]
    evaluations: Sequence[Evaluation]
    """One a model."""
    probabilities: NDArray[np.floating]
    """The first one's predictions, (n, classes)."""
    images: AnyImages
    split: Selection
    """Which images they are."""

    def called(self, position: int) -> str:
        """What a person calls a test image."""
        return self.split.part.name(int(self.split.positions[position]))


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """What retraining wrote."""

    folder: Path
    scores: tuple[Mapping[str, float], ...]
    """Test metrics, by seed."""
    test_images: int
    not_exported: Mapping[str, str] = field(default_factory=dict)
    """Why, for each format that the model could not be handed over to."""


def room_for(folder: Path) -> None:
    """Makes sure, before any training, that ``folder`` may be written.

    Raises:
        InputError: it holds something that no retraining left there, or it cannot be made.
    """
    if folder.exists() and not (folder.is_dir() and _is_own(folder)):
        rule, given = "the output folder must be new, empty, or of an earlier retraining alone", str(folder)
        raise InputError([Problem(rule=rule, given=given, remedy="name another one with -o")], str(folder))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        rule, remedy = "the output folder must be one that can be made", "name another one with -o"
        raise InputError([Problem(rule=rule, given=str(error), remedy=remedy)], str(folder)) from error


def _is_own(folder: Path) -> bool:
    """Whether a folder is empty, or holds what a retraining left and nothing else."""
    held = {path.name: path for path in folder.iterdir()}
    allowed = FILES | {each.file for each in FORMATS.values()} | set(OWN)
    inside = ((path.name, pattern) for name, pattern in OWN.items() if name in held for path in held[name].iterdir())
    return not held or (
        PREPROCESSING_FILE in held
        and set(held) <= allowed
        and all(held[name].is_dir() == (name in OWN) for name in held)
        and all(re.fullmatch(pattern, name) for name, pattern in inside)
    )


def write(folder: Path, tested: Tested, facts: Facts, *, formats: Sequence[str] = ()) -> dict[str, str]:
    """Fills a new folder with the first model and all scores, and puts it in the place of an earlier one.

    The model is handed over to the ``formats`` when that is safely done. Returns why, for each that failed.
    """
    fresh, stale = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir()
    _fill(fresh, tested, facts)
    if folder.exists():
        folder.rename(stale)
    fresh.rename(folder)
    shutil.rmtree(stale, ignore_errors=True)
    if not formats:
        return {}
    failures = export(tested.network, folder, formats, staging=fresh)
    done = [name for name in FORMATS if name in formats and name not in failures]
    write_text(folder / CARD_FILE, card(replace(facts, exported=done)))
    return failures


def _fill(folder: Path, tested: Tested, facts: Facts) -> None:
    height, width, channels = facts.data.image_shape
    names, recipe = list(facts.data.class_names), facts.recipe
    tested.network.save(folder / MODEL_FILE)
    described = {"image_size": [height, width], "channels": channels, "class_names": names}
    _write_json(folder / PREPROCESSING_FILE, described)
    _write_json(folder / METRICS_FILE, facts.metrics)
    write_text(folder / CONFUSION_FILE, csv_text(tested.evaluations[0].confusion, index=True))
    write_text(folder / CLASSES_FILE, csv_text(facts.classes))
    pd.DataFrame(tested.models[0].history).astype({"epoch": int}).to_csv(folder / HISTORY_FILE, index=False)
    closed = recipe.config.model_dump(mode="json")
    write_yaml(folder / CONFIG_FILE, closed | ({"provenance": dict(recipe.provenance)} if recipe.provenance else {}))
    mistakes = worst_mistakes(tested.probabilities, tested.images.labels)
    table = mistakes_table(mistakes, class_names=names, image=tested.called)
    write_text(folder / MISTAKES_FILE, csv_text(table))
    write_pictures(folder, mistakes, tested.images)
    write_text(folder / CARD_FILE, card(facts))


def metrics_of(tested: Tested) -> dict[str, Any]:
    """metrics.json: the scores of the saved model at the top level; over several seeds, mean and sd beside them."""
    models, evaluations = tested.models, tested.evaluations
    told = {**evaluations[0].metrics, "epochs": models[0].epochs, "test_images": len(tested.images)}
    if len(models) == 1:
        return told
    scores = pd.DataFrame([dict(evaluation.metrics) for evaluation in evaluations])
    seeds = [model.seed for model in models]
    return told | {"seeds": seeds, "mean": scores.mean().to_dict(), "sd": scores.std(ddof=1).to_dict()}


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
