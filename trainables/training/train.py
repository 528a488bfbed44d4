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
from trainables.features.policy import FEATURES, FeatureSharing
from trainables.models.fine_tuning import Stage, stages
from trainables.models.settable import KEPT_MODELS, graph_key
from trainables.sources.location import stamp
from trainables.training import checkpoint
from trainables.training.batches import order
from trainables.training.build import CompiledModel, Inputs, build, reset_optimizer, set_stage, set_values, stock_model
from trainables.training.checkpoint import Snapshot
from trainables.training.early_stopping import Interrupted, StageMonitor
from trainables.training.feed import Feed, Feeder
from trainables.training.history import Reason, Row
from trainables.training.loss import class_weights
from trainables.training.optimizer import schedule


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Callbacks of a training run."""

    on_epoch: Callable[[Row, Reason | None, Callable[[], Snapshot]], None] = lambda row, reason, snapshot: None
    """Called after each epoch; the last argument copies the state at its end."""
    interrupted: Callable[[], bool] = lambda: False
    """Called every half second; returning true raises `trainables.training.early_stopping.Interrupted`."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """The trained model and the history of a training run."""

    built: CompiledModel
    """Valid until the next training run of this process, which may reuse the model."""
    config: TrialConfig
    history: tuple[Row, ...]
    reason: Reason

    def model(self) -> keras.Model:
        """Return the trained model in stock Keras layers."""
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
    sharing: FeatureSharing | None = None,
) -> TrainResult:
    """Train to the last epoch, or until patience runs out or the loss is not finite.

    Args:
        config: what to train.
        images: the training split.
        validation: evaluated after every epoch; without it there is no early stopping.
        classes: number of classes.
        metric: the metric of the sweep, monitored by early stopping unless the configuration names another.
        learning_rates: one per epoch, to replay instead of the configured schedule.
        resume: a snapshot to continue from.
        hooks: callbacks for progress and interruption.
        sharing: who shares the stored features of frozen layers; without it they are computed in every epoch.

    Raises:
        Interrupted: `hooks.interrupted` returned true.
        InputError: there is no such backbone, or its weights are unreadable.
    """
    built = compiled_model(config, Inputs.of(images, classes=classes))
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
    return TrainResult(built=built, config=config, history=tuple(history), reason=reason)


@dataclass(frozen=True)
class _Run:
    """What the stages of a training run share."""

    config: TrialConfig
    built: CompiledModel
    feeder: Feeder
    history: list[Row]
    metric: str
    learning_rates: Sequence[float] | None
    hooks: Hooks

    def stage(self, stage: Stage) -> Reason:
        """Train one stage, continuing after the history."""
        steps = set_stage(self.built, self.config, unfrozen=stage.unfrozen)
        if len(self.history) < stage.first_epoch:
            reset_optimizer(self.built)  # neither momentum nor step count from another stage
        feed, monitor = self.feeder.feed(stage, steps), self._monitor(stage)
        while monitor.reason is None and len(self.history) < stage.last_epoch:
            self._epoch(feed, monitor)
        return monitor.reason or "finished"

    def _epoch(self, feed: Feed, monitor: StageMonitor) -> None:
        started, setting = time.monotonic(), self.config.training
        learning_rate = self.built.optimizer.learning_rate
        learning_rate.assign(monitor.rate())
        epoch = len(self.history)
        positions = order(len(self.feeder.images), seed=setting.seed, epoch=epoch)
        if setting.steps_per_epoch is not None:
            positions = positions[: setting.steps_per_epoch * setting.batch_size]
        measured = feed.train(epoch, positions, batch_size=setting.batch_size, check_interrupt=self._check_interrupt)
        if measured is not None and self.feeder.validation is not None:
            measured |= self._evaluate(feed)
        if measured is not None and feed.source is not None:
            measured[FEATURES] = float(feed.source)
        # The optimizer uses a float32; its shortest text is read back as the same value when replayed.
        rate = float(str(learning_rate.numpy()))
        monitor.add_epoch(measured or {"loss": math.nan}, rate=rate, seconds=time.monotonic() - started)

    def _evaluate(self, feed: Feed) -> Row:
        measured, confusion = feed.evaluate(check_interrupt=self._check_interrupt)
        return {f"val_{name}": value for name, value in (measured | averages(confusion)).items()}

    def _check_interrupt(self) -> None:
        if self.hooks.interrupted():
            raise Interrupted

    def _monitor(self, stage: Stage) -> StageMonitor:
        settings = self.config.training
        return StageMonitor(
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


_cache: OrderedDict[tuple[Any, ...], CompiledModel] = OrderedDict()


def compiled_model(config: TrialConfig, inputs: Inputs) -> CompiledModel:
    """Return a compiled model of the configuration's architecture, from the cache if possible."""
    key = (inputs, *graph_key(config), weights_stamp(config))
    if key not in _cache:
        if len(_cache) >= KEPT_MODELS:
            _cache.popitem(last=False)
            keras.utils.clear_session()  # otherwise Keras keeps parts of every model ever built
        _cache[key] = build(config, inputs)
    _cache.move_to_end(key)
    return _cache[key]


def weights_stamp(config: TrialConfig) -> tuple[tuple[str, int, int], ...]:
    """Return a stamp that changes when a backbone's weights file does."""
    return stamp(config.model) if isinstance(config.model, PretrainedModel) else ()
