"""Train one trial configuration: plain Keras, no search, no Ray."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from spaces.config.trial import PretrainedModel, TrialConfig
from trainables.dataset import AnyImages
from trainables.evaluation import averages
from trainables.features.policy import FEATURES, Sharing
from trainables.models.fine_tuning import Stage, stages
from trainables.models.settable import KEPT_MODELS, graph_key
from trainables.sources.location import stamp
from trainables.training import checkpoint
from trainables.training.batches import order
from trainables.training.build import Built, Inputs, build, choose_stage, forget, set_values, stock_model
from trainables.training.checkpoint import Snapshot
from trainables.training.early_stopping import Interrupted, Reporter
from trainables.training.feed import Feed, Feeder
from trainables.training.history import Reason, Row
from trainables.training.loss import class_weights
from trainables.training.optimizer import schedule


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """How a training run talks to whoever runs it."""

    on_epoch: Callable[[Row, Reason | None, Callable[[], Snapshot]], None] = lambda row, reason, snapshot: None
    """Told of each epoch; the last argument copies the state at its end."""
    interrupted: Callable[[], bool] = lambda: False
    """Asked every half second; true raises `trainables.training.early_stopping.Interrupted`."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What came of a training run."""

    built: Built
    """Until the next training run of the process, which may use the same model."""
    config: TrialConfig
    history: tuple[Row, ...]
    reason: Reason

    def model(self) -> keras.Model:
        """The trained model in stock Keras layers."""
        return stock_model(self.built, self.config)


def train(
    config: TrialConfig,
    images: AnyImages,
    validation: AnyImages | None = None,
    *,
    classes: int,
    metric: str = "val_accuracy",
    learning_rates: Sequence[float] | None = None,
    resume: Snapshot | None = None,
    hooks: Hooks | None = None,
    sharing: Sharing | None = None,
) -> Trained:
    """Trains to the last epoch, or until patience runs out or the loss is not finite.

    Args:
        config: what to train.
        images: the training part.
        validation: measured after every epoch; without it there is no early stopping.
        classes: number of classes.
        metric: what the run is about, and what patience looks at where the configuration names nothing else.
        learning_rates: one per epoch, replayed instead of the configured schedule.
        resume: continue from the end of the epoch at which this was taken.
        hooks: progress and interruption.
        sharing: with whom the features of a frozen part are shared, in the store; without it they are computed in
            every epoch.

    Raises:
        Interrupted: `hooks.interrupted` said so.
        InputError: there is no such backbone, or its weights cannot be read.
    """
    built = compiled(config, Inputs.of(images, classes=classes))
    set_values(built, config)
    built.class_weights.assign(class_weights(images.labels, config.training, classes=classes))
    feeder = Feeder.of(built, config, images, validation, sharing)
    history: list[Row] = []
    if resume is not None:
        checkpoint.put(built, resume)
        history = [dict(row) for row in resume.history]
    run = _Run(config, built, feeder, history, metric, learning_rates, hooks or Hooks())
    reason: Reason = "finished"
    for stage in stages(config):
        if len(history) < stage.last_epoch and reason == "finished":
            reason = run.stage(stage)
    return Trained(built=built, config=config, history=tuple(history), reason=reason)


@dataclass(frozen=True)
class _Run:
    """What the stages of one training run have in common."""

    config: TrialConfig
    built: Built
    feeder: Feeder
    history: list[Row]
    metric: str
    learning_rates: Sequence[float] | None
    hooks: Hooks

    def stage(self, stage: Stage) -> Reason:
        """Trains one stage, from wherever the history stands."""
        steps = choose_stage(self.built, self.config, unfrozen=stage.unfrozen)
        if len(self.history) < stage.first_epoch:
            forget(self.built)  # no momentum, and no count of steps, from another stage
        feed, reporter = self.feeder.feed(stage, steps), self._reporter(stage)
        while reporter.reason is None and len(self.history) < stage.last_epoch:
            self._epoch(feed, reporter)
        return reporter.reason or "finished"

    def _epoch(self, feed: Feed, reporter: Reporter) -> None:
        started, setting = time.monotonic(), self.config.training
        learning_rate = self.built.optimizer.learning_rate
        learning_rate.assign(reporter.rate())
        epoch = len(self.history)
        positions = order(len(self.feeder.images), seed=setting.seed, epoch=epoch)
        if setting.steps_per_epoch is not None:
            positions = positions[: setting.steps_per_epoch * setting.batch_size]
        measured = feed.train(epoch, positions, batch_size=setting.batch_size, heed=self._heed)
        if measured is not None and self.feeder.validation is not None:
            measured |= self._validated(feed)
        if measured is not None and feed.source is not None:
            measured[FEATURES] = float(feed.source)
        # What the optimizer used is a float32; written shortly, it is read back as the same one when it is replayed.
        rate = float(str(learning_rate.numpy()))
        reporter.epoch(measured or {"loss": math.nan}, rate=rate, seconds=time.monotonic() - started)

    def _validated(self, feed: Feed) -> Row:
        measured, confusion = feed.evaluate(heed=self._heed)
        return {f"val_{name}": value for name, value in (measured | averages(confusion)).items()}

    def _heed(self) -> None:
        if self.hooks.interrupted():
            raise Interrupted

    def _reporter(self, stage: Stage) -> Reporter:
        settings = self.config.training
        return Reporter(
            history=self.history,
            rate=self._rates(stage),
            last_epoch=settings.epochs,
            metric=self.metric,
            monitor=(settings.monitor,) if isinstance(settings.monitor, str) else settings.monitor or (self.metric,),
            patience=settings.patience if stage.unfrozen and self.feeder.validation is not None else None,
            patience_from=stage.first_epoch,
            min_delta=settings.min_delta,
            on_epoch=lambda row, reason: self.hooks.on_epoch(row, reason, self._snapshot),
        )

    def _rates(self, stage: Stage) -> Callable[[Sequence[Row]], float]:
        rates = self.learning_rates
        if rates is not None:
            return lambda history: rates[len(history)]
        epochs = stage.last_epoch - stage.first_epoch + 1
        factor = schedule(self.config.optimizer.schedule, learning_rate=stage.learning_rate, epochs=epochs)

        def rate(history: Sequence[Row]) -> float:
            losses = [row.get("val_loss", row["loss"]) for row in history[stage.first_epoch - 1 :]]
            return stage.learning_rate * factor(losses)

        return rate

    def _snapshot(self) -> Snapshot:
        return checkpoint.take(self.built, self.history)


_kept: OrderedDict[tuple[Any, ...], Built] = OrderedDict()


def compiled(config: TrialConfig, inputs: Inputs) -> Built:
    """A compiled model of the configuration's architecture: a kept one if there is one, else a new one."""
    key = (inputs, *graph_key(config), weights_stamp(config))
    if key not in _kept:
        if len(_kept) >= KEPT_MODELS:
            _kept.popitem(last=False)
            keras.utils.clear_session()  # else Keras keeps something of every model that there ever was
        _kept[key] = build(config, inputs)
    _kept.move_to_end(key)
    return _kept[key]


def weights_stamp(config: TrialConfig) -> tuple[tuple[str, int, int], ...]:
    """What tells that a backbone's weights file is still the same."""
    return stamp(config.model) if isinstance(config.model, PretrainedModel) else ()
