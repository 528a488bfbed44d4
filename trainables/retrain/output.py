"""The output folder of a retraining: replaced as a whole, and never overwriting anything else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
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
from trainables.retrain.card import CardFacts, card
from trainables.retrain.export_formats import FORMATS, export
from trainables.retrain.mistakes import FOLDER, mistakes_table, worst_mistakes, write_pictures
from trainables.retrain.predict import MODEL_FILE, PREPROCESSING_FILE
from trainables.retrain.recipe import Recipe
from trainables.spreadsheet import csv_text
from trainables.training.history import Row

METRICS_FILE, CONFUSION_FILE, HISTORY_FILE, CONFIG_FILE = "metrics.json", "confusion.csv", "history.csv", "config.yaml"
CLASSES_FILE, MISTAKES_FILE, CARD_FILE = "classes.csv", "mistakes.csv", "README.md"
FILES = frozenset(
    {MODEL_FILE, PREPROCESSING_FILE, METRICS_FILE, CONFUSION_FILE, HISTORY_FILE, CONFIG_FILE}
    | {CLASSES_FILE, MISTAKES_FILE, CARD_FILE}
)
"""The files that are always written."""
OWN = {FOLDER: r"\d\d-\d\.png", "saved_model": r"assets|variables|fingerprint\.pb|saved_model\.pb"}
"""The folders that may exist, and the names allowed in them."""


@dataclass(frozen=True, kw_only=True)
class RetrainedModel:
    """One retrained model."""

    seed: int
    weights: Sequence[np.ndarray]
    """The weights of the network in stock Keras layers."""
    history: tuple[Row, ...]
    epochs: int
    """The number of epochs behind its weights: all, or up to the best one if a part was held out."""


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """The retrained models and their scores on the test split."""

    network: keras.Model
    """In stock Keras layers, with the weights of the first model."""
    models: Sequence[RetrainedModel]
    evaluations: Sequence[Evaluation]
    """One per model."""
    probabilities: NDArray[np.floating]
    """The predictions of the first model, (n, classes)."""
    images: AnyImages
    split: Selection
    """Which images of the data set the test split consists of."""

    def image_name(self, position: int) -> str:
        """Return the name of a test image in the data set."""
        return self.split.part.name(int(self.split.positions[position]))


@dataclass(frozen=True, kw_only=True)
class RetrainResult:
    """The folder that a retraining wrote, and the test scores."""

    folder: Path
    scores: tuple[Mapping[str, float], ...]
    """The test metrics of each seed."""
    test_images: int
    not_exported: Mapping[str, str] = field(default_factory=dict)
    """The reason for each format that could not be exported, and for each file beside the model that could not be
    written."""


def check_output_folder(folder: Path) -> None:
    """Check, before any training, that ``folder`` may be written.

    Raises:
        InputError: it holds files of other origin than a retraining, or it cannot be created.
    """
    if folder.exists() and not (folder.is_dir() and _is_own(folder)):
        rule, given = "the output folder must be new, empty, or hold only an earlier retraining", str(folder)
        raise InputError([Problem(rule=rule, given=given, remedy="choose another one with -o")], str(folder))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        rule, remedy = "it must be possible to create the output folder", "choose another one with -o"
        raise InputError([Problem(rule=rule, given=str(error), remedy=remedy)], str(folder)) from error


def _is_own(folder: Path) -> bool:
    """Whether a folder is empty or holds the output of a retraining and nothing else."""
    held = {path.name: path for path in folder.iterdir()}
    allowed = FILES | {each.file for each in FORMATS.values()} | set(OWN)
    inside = ((path.name, pattern) for name, pattern in OWN.items() if name in held for path in held[name].iterdir())
    return not held or (
        PREPROCESSING_FILE in held
        and set(held) <= allowed
        and all(held[name].is_dir() == (name in OWN) for name in held)
        and all(re.fullmatch(pattern, name) for name, pattern in inside)
    )


def write(folder: Path, result: TestResult, facts: CardFacts, *, formats: Sequence[str] = ()) -> dict[str, str]:
    """Write the first model and all scores to a new folder, which replaces an earlier one.

    Only then is the model exported to the ``formats``. Returns the reason for each format that failed, and for each
    file that was not written, but is not needed to use the model.
    """
    fresh, stale = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    for leftover in (fresh, stale):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir()
    failures = _fill(fresh, result, facts)
    if folder.exists():
        folder.rename(stale)
    fresh.rename(folder)
    shutil.rmtree(stale, ignore_errors=True)
    if not formats:
        return failures
    failures |= export(result.network, folder, formats, staging=fresh)
    done = [name for name in FORMATS if name in formats and name not in failures]
    return failures | _attempt({CARD_FILE: lambda: write_text(folder / CARD_FILE, card(replace(facts, exported=done)))})


def _fill(folder: Path, result: TestResult, facts: CardFacts) -> dict[str, str]:
    """Write the model and what it needs, then all else; return the reason for each file that could not be written."""
    height, width, channels = facts.data.image_shape
    names = list(facts.data.class_names)
    result.network.save(folder / MODEL_FILE)
    described = {"image_size": [height, width], "channels": channels, "class_names": names}
    _write_json(folder / PREPROCESSING_FILE, described)
    _write_json(folder / METRICS_FILE, facts.metrics)
    confusion, history = result.evaluations[0].confusion, pd.DataFrame(result.models[0].history).astype({"epoch": int})
    return _attempt(
        {
            CONFIG_FILE: lambda: write_yaml(folder / CONFIG_FILE, _config(facts.recipe)),
            HISTORY_FILE: lambda: write_text(folder / HISTORY_FILE, csv_text(history)),
            CONFUSION_FILE: lambda: write_text(folder / CONFUSION_FILE, csv_text(confusion, index=True)),
            CLASSES_FILE: lambda: write_text(folder / CLASSES_FILE, csv_text(facts.classes)),
            MISTAKES_FILE: lambda: _write_mistakes(folder, result, names),
            CARD_FILE: lambda: write_text(folder / CARD_FILE, card(facts)),
        }
    )


def _attempt(writers: Mapping[str, Callable[[], None]]) -> dict[str, str]:
    """Write each file; return the reason for each that failed, whatever it is: hours of training must survive it."""
    failures = {}
    for name, write_file in writers.items():
        try:
            write_file()
        except Exception as error:
            failures[name] = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
    return failures


def _config(recipe: Recipe) -> dict[str, Any]:
    closed = recipe.config.model_dump(mode="json")
    return closed | ({"provenance": dict(recipe.provenance)} if recipe.provenance else {})


def _write_mistakes(folder: Path, result: TestResult, names: Sequence[str]) -> None:
    mistakes = worst_mistakes(result.probabilities, result.images.labels)
    write_text(folder / MISTAKES_FILE, csv_text(mistakes_table(mistakes, class_names=names, image=result.image_name)))
    write_pictures(folder, mistakes, result.images)


def metrics_of(result: TestResult) -> dict[str, Any]:
    """Return metrics.json: the scores of the saved model and, for several seeds, their mean and sd."""
    models, evaluations = result.models, result.evaluations
    metrics = {**evaluations[0].metrics, "epochs": models[0].epochs, "test_images": len(result.images)}
    if len(models) == 1:
        return metrics
    scores = pd.DataFrame([dict(evaluation.metrics) for evaluation in evaluations])
    seeds = [model.seed for model in models]
    return metrics | {"seeds": seeds, "mean": scores.mean().to_dict(), "sd": scores.std(ddof=1).to_dict()}


def _write_json(path: Path, data: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
