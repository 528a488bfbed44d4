"""best.yaml → train on train + validation → evaluate once on the test split → a self-contained folder."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from spaces.config.metric import maximised
from spaces.config.trial import Data
from spaces.printable import printable
from spaces.problem import InputError, Problem, WorkFailedError
from trainables.data.build import settled
from trainables.data.load import copies, describe, leaked_test_images, load, load_test, select_test_images
from trainables.data.split import Selection, draw
from trainables.data.unreadable import skipped_warning
from trainables.dataset import AnyImages, DataInfo, Dataset, Images, concatenate, select
from trainables.evaluation import by_class, evaluate
from trainables.preflight.compatibility import check_compatibility
from trainables.retrain.card import CardFacts
from trainables.retrain.export_formats import check_formats
from trainables.retrain.output import RetrainedModel, TestResult, check_output_folder, metrics_of, write
from trainables.retrain.output import RetrainResult as RetrainResult
from trainables.retrain.recipe import Log, Recipe, read_recipe
from trainables.training.checkpoint import Snapshot, put
from trainables.training.history import Reason, Row
from trainables.training.train import Hooks, TrainResult, train


class DivergedError(WorkFailedError):
    """The loss became NaN or infinite."""


def retrain(
    source: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    seeds: int = 1,
    holdout: float | None = None,
    output: str | os.PathLike[str],
    formats: Sequence[str] = (),
    log: Log = lambda message: None,
) -> RetrainResult:
    """Train a configuration on all images except the test split, and evaluate it once on that.

    If the file records how its trial trained (best.yaml does), its epochs and learning rates are replayed. With several
    seeds, the first model is saved, whatever the scores.

    Args:
        source: best.yaml, or any closed configuration.
        overrides: ``PATH=VALUE``.
        seeds: how many times to train, from the configured seed upwards.
        holdout: share of the images, in (0, 1), to hold out for early stopping instead of replaying.
        output: folder for model.keras, preprocessing.json, metrics.json, classes.csv, confusion.csv, mistakes.csv with
            images in mistakes/, history.csv, config.yaml, and README.md, the model card.
        formats: additional export formats. A failed export is logged; everything else is still written.
        log: called with progress messages.

    Raises:
        InputError: the file or the data are invalid, ``output`` holds something else, or a format's package is missing.
        DivergedError: the loss became NaN or infinite.
    """
    if seeds < 1 or (holdout is not None and not 0 < holdout < 1):
        raise ValueError(f"seeds must be at least 1 and holdout in (0, 1); got {seeds} and {holdout}")
    check_formats(formats)
    recipe = read_recipe(source, overrides, replay=holdout is None, log=log)
    folder = Path(output).absolute()
    check_output_folder(folder)
    check_compatibility(recipe.config, source=os.fspath(source))
    recipe = replace(recipe, config=recipe.config.model_copy(update={"data": settled(recipe.config.data)}))
    dataset = load(recipe.config.data)
    _warn_of_other_data(dataset, recipe, log)
    test = _read_test_data(recipe.config.data)
    if test.info.skipped:
        log(printable(f"Warning: {skipped_warning(test.info.skipped)}"))
    tested = _test(test, dataset, _train(recipe, dataset, seeds=seeds, holdout=holdout, log=log))
    failures = write(folder, tested, _facts(recipe, test, tested, holdout), formats=formats)
    for name, why in failures.items():
        log(f"Could not {'export to' if name in formats else 'write'} {name}: {why}. The model itself is saved.")
    scores = tuple(evaluation.metrics for evaluation in tested.evaluations)
    return RetrainResult(folder=folder, scores=scores, test_images=len(tested.images), not_exported=failures)


def _train(
    recipe: Recipe, dataset: Dataset, *, seeds: int, holdout: float | None, log: Log
) -> tuple[keras.Model, list[RetrainedModel]]:
    """Return one network in stock layers, and the weights from each seed: several networks might not fit on a GPU."""
    parts = _hold_out(recipe.config.data, concatenate(dataset.train, dataset.validation), holdout)
    first = recipe.config.training.seed
    models = []
    for seed in range(first, first + seeds):
        trained, epochs = _one_seed(recipe, parts, seed, classes=dataset.class_count, log=log)
        weights = trained.built.model.get_weights()
        models.append(RetrainedModel(seed=seed, weights=weights, history=trained.history, epochs=epochs))
    return trained.model(), models


@dataclass(frozen=True, eq=False, kw_only=True)
class _TestData:
    """The test split, and what the card says of the data. Read before training, which a damaged file must not cost."""

    images: AnyImages
    split: Selection
    info: DataInfo
    leaked: int


def _read_test_data(data: Data) -> _TestData:
    images = load_test(data)
    leaked = len(leaked_test_images(data))
    return _TestData(images=images, split=select_test_images(data), info=describe(data), leaked=leaked)


def _test(test: _TestData, dataset: Dataset, made: tuple[keras.Model, list[RetrainedModel]]) -> TestResult:
    (network, models), images = made, test.images
    predictions = []
    for model in reversed(models):  # ends with the first model's weights loaded
        network.set_weights(model.weights)
        predictions.append(_predictions(network, images))
    predictions.reverse()
    return TestResult(
        network=network,
        models=models,
        evaluations=[evaluate(each, images.labels, dataset.class_names) for each in predictions],
        probabilities=predictions[0],
        images=images,
        split=test.split,
    )


def _facts(recipe: Recipe, test: _TestData, tested: TestResult, holdout: float | None) -> CardFacts:
    return CardFacts(
        recipe=recipe,
        data=test.info,
        own_test=len(tested.split) == len(tested.split.part),  # a split part never takes all images
        leaked=test.leaked,
        metrics=metrics_of(tested),
        classes=by_class(tested.evaluations[0].confusion),
        seeds=[model.seed for model in tested.models],
        holdout=holdout,
    )


def _one_seed(
    recipe: Recipe, parts: tuple[AnyImages, AnyImages | None], seed: int, *, classes: int, log: Log
) -> tuple[TrainResult, int]:
    """Return the training result, and the number of epochs behind its weights."""
    config, (images, held_out) = recipe.training_config(seed=seed), parts
    best = _BestEpoch(recipe.metric)

    def on_epoch(row: Row, reason: Reason | None, snapshot: Callable[[], Snapshot]) -> None:
        log(_epoch_line(row, seed=seed, epochs=config.training.epochs))
        if held_out is not None:
            best.consider(row, snapshot)

    result = train(
        config,
        images,
        held_out,
        classes=classes,
        metric=recipe.metric,
        learning_rates=recipe.learning_rates,
        hooks=Hooks(on_epoch=on_epoch),
    )
    if result.reason == "diverged" and best.epoch is None:
        raise DivergedError(
            f"the loss became NaN or infinite in epoch {len(result.history)} of seed {seed}; nothing was saved. "
            "Try a lower learning rate: --set optimizer.learning_rate=…"
        )
    return result, best.restore(result)


class _BestEpoch:
    """Keeps the state of the best epoch so far, for early stopping on a held-out part."""

    def __init__(self, metric: str) -> None:
        self._metric, self._sign = metric, 1 if maximised(metric) else -1
        self._score = -math.inf
        self._snapshot: Snapshot | None = None

    @property
    def epoch(self) -> int | None:
        """The best epoch, counted from 1; None before the first."""
        return len(self._snapshot.history) if self._snapshot else None

    def consider(self, row: Row, snapshot: Callable[[], Snapshot]) -> None:
        """Take a snapshot if this epoch is better than all before."""
        if self._sign * row[self._metric] > self._score:
            self._score, self._snapshot = self._sign * row[self._metric], snapshot()

    def restore(self, result: TrainResult) -> int:
        """Restore the best epoch, if any; return the number of epochs behind the weights."""
        if self._snapshot is None:
            return len(result.history)
        put(result.built, self._snapshot)
        return len(self._snapshot.history)


def _hold_out(data: Data, images: AnyImages, share: float | None) -> tuple[AnyImages, AnyImages | None]:
    """Split off images for early stopping, stratified; copies stay together unless the configuration is older."""
    if share is None:
        return images, None
    try:
        if data.copies == "bytes":
            everything = np.arange(len(images))
            _, held = train_test_split(
                everything, test_size=share, random_state=data.split_seed, stratify=images.labels
            )
            is_held = np.isin(everything, held)
        else:
            is_held = draw(images.labels, copies(data), share=share, seed=data.split_seed)
    except ValueError as error:
        rule = f"every class must keep images on both sides when --holdout splits the {len(images)} images"
        remedy = "hold out a larger share, or replay without --holdout"
        problem = Problem(rule=rule, given=f"{share:g}: {error}", remedy=remedy)
        raise InputError([problem], "--holdout") from error
    return select(images, np.flatnonzero(~is_held)), select(images, np.flatnonzero(is_held))


def _predictions(model: keras.Model, test: AnyImages) -> NDArray[np.floating]:
    """Return probabilities (n, classes), reading images that are not in memory in pieces."""
    if isinstance(test, Images):
        return np.asarray(model.predict(test.images, batch_size=256, verbose=0))
    pieces = (np.arange(start, min(start + 512, len(test))) for start in range(0, len(test), 512))
    return np.concatenate([model.predict(test.read(piece), batch_size=256, verbose=0) for piece in pieces])


def _warn_of_other_data(dataset: Dataset, recipe: Recipe, log: Log) -> None:
    recorded = recipe.provenance.get("data_fingerprint")
    if recorded and recorded != dataset.fingerprint:
        log(f"Warning: the data differ from the search's (fingerprint {dataset.fingerprint} instead of {recorded}).")


def _epoch_line(row: Row, *, seed: int, epochs: int) -> str:
    measured = "  ".join(f"{name} {row[name]:.4f}" for name in ("loss", "accuracy", "val_accuracy") if name in row)
    return f"seed {seed}  epoch {int(row['epoch'])}/{epochs}  {measured}"
