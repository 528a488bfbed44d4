"""best.yaml → train on train + validation → score the test split, once → a folder that needs nothing else."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from spaces.config.metric import maximised
from spaces.problem import InputError, Problem, WorkFailedError
from trainables.data.load import describe, kept_for_test, leaked_test_images, load, load_test
from trainables.dataset import AnyImages, Dataset, Images, chosen, joined
from trainables.evaluation import by_class, evaluate
from trainables.preflight.compatibility import refuse_misfits
from trainables.retrain.card import Facts
from trainables.retrain.export_formats import refuse_unwritable
from trainables.retrain.output import Model, Tested, metrics_of, room_for, write
from trainables.retrain.output import Retrained as Retrained
from trainables.retrain.recipe import Recipe, Tell, read_recipe
from trainables.training.checkpoint import Snapshot, put
from trainables.training.history import Reason, Row
from trainables.training.train import Hooks, Trained, train


class Diverged(WorkFailedError):
    """The loss is NaN or infinite."""


def retrain(
    source: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    seeds: int = 1,
    holdout: float | None = None,
    output: str | os.PathLike[str],
    formats: Sequence[str] = (),
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
        output: folder for model.keras, preprocessing.json, metrics.json, classes.csv, confusion.csv, mistakes.csv with
            images in mistakes/, history.csv, config.yaml, and README.md, the model card.
        formats: what else to hand the model over to; where that fails, it is told, and all else is written.
        tell: is told of the progress.

    Raises:
        InputError: the file or the data are wrong, ``output`` holds something else, or a format lacks its packages.
        Diverged: the loss was not finite.
    """
    if seeds < 1 or (holdout is not None and not 0 < holdout < 1):
        raise ValueError(f"seeds must be at least 1 and holdout in (0, 1); got {seeds} and {holdout}")
    refuse_unwritable(formats)
    recipe = read_recipe(source, overrides, replay=holdout is None, tell=tell)
    folder = Path(output).absolute()
    room_for(folder)
    refuse_misfits(recipe.config, source=os.fspath(source))
    dataset = load(recipe.config.data)
    _warn_of_other_data(dataset, recipe, tell)
    tested = _tested(recipe, dataset, _trained(recipe, dataset, seeds=seeds, holdout=holdout, tell=tell))
    not_exported = write(folder, tested, _facts(recipe, tested, holdout), formats=formats)
    for name, why in not_exported.items():
        tell(f"Not exported to {name}: {why}. The model itself is saved.")
    scores = tuple(evaluation.metrics for evaluation in tested.evaluations)
    return Retrained(folder=folder, scores=scores, test_images=len(tested.images), not_exported=not_exported)


def _trained(
    recipe: Recipe, dataset: Dataset, *, seeds: int, holdout: float | None, tell: Tell
) -> tuple[keras.Model, list[Model]]:
    """A network in stock layers, and the weights that each seed gave it: as many networks would fill a GPU."""
    parts = _hold_out(joined(dataset.train, dataset.validation), holdout, seed=recipe.config.data.split_seed)
    first = recipe.config.training.seed
    models = []
    for seed in range(first, first + seeds):
        trained, epochs = _one_seed(recipe, parts, seed, classes=dataset.class_count, tell=tell)
        weights = trained.built.model.get_weights()
        models.append(Model(seed=seed, weights=weights, history=trained.history, epochs=epochs))
    return trained.model(), models


def _tested(recipe: Recipe, dataset: Dataset, made: tuple[keras.Model, list[Model]]) -> Tested:
    network, models = made
    images, predictions = load_test(recipe.config.data), []
    for model in reversed(models):  # the first one's weights stay
        network.set_weights(model.weights)
        predictions.append(_predictions(network, images))
    predictions.reverse()
    return Tested(
        network=network,
        models=models,
        evaluations=[evaluate(each, images.labels, dataset.class_names) for each in predictions],
        probabilities=predictions[0],
        images=images,
        split=kept_for_test(recipe.config.data),
    )


def _facts(recipe: Recipe, tested: Tested, holdout: float | None) -> Facts:
    return Facts(
        recipe=recipe,
        data=describe(recipe.config.data),
        own_test=len(tested.split) == len(tested.split.part),  # of a part that is divided, none takes all
        leaked=len(leaked_test_images(recipe.config.data)),
        metrics=metrics_of(tested),
        classes=by_class(tested.evaluations[0].confusion),
        seeds=[model.seed for model in tested.models],
        holdout=holdout,
    )


def _one_seed(
    recipe: Recipe, parts: tuple[AnyImages, AnyImages | None], seed: int, *, classes: int, tell: Tell
) -> tuple[Trained, int]:
    """What training gave, and how many epochs its weights have seen."""
    config, (images, held_out) = recipe.training_config(seed=seed), parts
    best = _BestEpoch(recipe.metric)

    def on_epoch(row: Row, reason: Reason | None, snapshot: Callable[[], Snapshot]) -> None:
        tell(_epoch_line(row, seed=seed, epochs=config.training.epochs))
        if held_out is not None:
            best.consider(row, snapshot)

    trained = train(
        config,
        images,
        held_out,
        classes=classes,
        metric=recipe.metric,
        learning_rates=recipe.learning_rates,
        hooks=Hooks(on_epoch=on_epoch),
    )
    if trained.reason == "diverged" and best.epoch is None:
        raise Diverged(
            f"the loss was not finite in epoch {len(trained.history)} of seed {seed}; nothing was saved. "
            "Try a lower learning rate: --set optimizer.learning_rate=…"
        )
    return trained, best.restore(trained)


class _BestEpoch:
    """Keeps the state of the best epoch so far, for early stopping by a held-out part."""

    def __init__(self, metric: str) -> None:
        self._metric, self._sign = metric, 1 if maximised(metric) else -1
        self._score = -math.inf
        self._snapshot: Snapshot | None = None

    @property
    def epoch(self) -> int | None:
        """The best epoch, from 1; None where none was looked at."""
        return len(self._snapshot.history) if self._snapshot else None

    def consider(self, row: Row, snapshot: Callable[[], Snapshot]) -> None:
        """Takes a snapshot where this epoch is better than all before."""
        if self._sign * row[self._metric] > self._score:
            self._score, self._snapshot = self._sign * row[self._metric], snapshot()

    def restore(self, trained: Trained) -> int:
        """Brings the best epoch back, if one was kept; returns how many epochs the weights have seen."""
        if self._snapshot is None:
            return len(trained.history)
        put(trained.built, self._snapshot)
        return len(self._snapshot.history)


def _hold_out(images: AnyImages, share: float | None, *, seed: int) -> tuple[AnyImages, AnyImages | None]:
    if share is None:
        return images, None
    everything = np.arange(len(images))
    try:
        kept, held = train_test_split(everything, test_size=share, random_state=seed, stratify=images.labels)
    except ValueError as error:
        rule = f"every class must have images on both sides when --holdout takes its share of {len(images)} images"
        problem = Problem(rule=rule, given=f"{share:g}: {error}", remedy="hold out more, or replay without --holdout")
        raise InputError([problem], "--holdout") from error
    return chosen(images, np.sort(kept)), chosen(images, np.sort(held))


def _predictions(model: keras.Model, test: AnyImages) -> NDArray[np.floating]:
    """Probabilities (n, classes), read piece by piece where the images are not in memory."""
    if isinstance(test, Images):
        return np.asarray(model.predict(test.images, batch_size=256, verbose=0))
    pieces = (np.arange(start, min(start + 512, len(test))) for start in range(0, len(test), 512))
    return np.concatenate([model.predict(test.read(piece), batch_size=256, verbose=0) for piece in pieces])


def _warn_of_other_data(dataset: Dataset, recipe: Recipe, tell: Tell) -> None:
    recorded = recipe.provenance.get("data_fingerprint")
    if recorded and recorded != dataset.fingerprint:
        tell(f"Warning: this is not the data of the search (fingerprint {dataset.fingerprint}, then {recorded}).")


def _epoch_line(row: Row, *, seed: int, epochs: int) -> str:
    measured = "  ".join(f"{name} {row[name]:.4f}" for name in ("loss", "accuracy", "val_accuracy") if name in row)
    return f"seed {seed}  epoch {int(row['epoch'])}/{epochs}  {measured}"
