"""A trial's model in two steps: `build` the architecture once, then `set_values` for every trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import keras
import numpy as np

from spaces.config.trial import CnnModel, CustomModel, PretrainedModel, TrialConfig
from trainables.dataset import AnyImages
from trainables.models.cnn import cnn
from trainables.models.custom import CUSTOM_LAYER, custom, fresh_weights
from trainables.models.cut import Cut
from trainables.models.fine_tuning import is_staged
from trainables.models.initialise import initialise, reset_generators
from trainables.models.layers import Layers, SettableLayers, StockLayers
from trainables.models.pretrained import pretrained, set_trainable, suffix_of, trained_weights
from trainables.models.settable import settable_values
from trainables.training import optimizer
from trainables.training.loss import Loss
from trainables.training.steps import Steps


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a model needs to know about its data."""

    shape: tuple[int, int, int]
    """Height, width, channels."""
    classes: int
    mean: tuple[float, ...]
    """Mean of the training pixels, in [0, 255], per channel."""
    variance: tuple[float, ...]

    @classmethod
    def of(cls, images: AnyImages, *, classes: int) -> Inputs:
        """Measure training images."""
        levels = np.arange(256.0)
        means = [float(np.average(levels, weights=count)) for count in images.levels]
        variances = [
            float(np.average((levels - mean) ** 2, weights=count))
            for mean, count in zip(means, images.levels, strict=True)
        ]
        return cls(
            shape=images.image_shape,
            classes=classes,
            mean=tuple(means),
            variance=tuple(variance or 1.0 for variance in variances),  # avoid dividing by zero for a constant channel
        )


@dataclass(frozen=True, kw_only=True)
class CompiledModel:
    """A compiled model whose settable values are variables, with everything needed to reset it for the next trial."""

    model: keras.Model
    steps: Mapping[bool, Steps]
    """The steps that train the model: unfrozen as configured (true), or only its head (false, when fine-tuning)."""
    optimizer: keras.optimizers.Optimizer
    variables: Mapping[str, keras.Variable]
    class_weights: keras.Variable
    """float32 (classes,): the weight of a training image of each class, set from the training split."""
    inputs: Inputs
    pretrained: Mapping[str, list[np.ndarray]] = field(default_factory=dict)
    """Weights, by layer name, that a reset restores instead of initialising randomly."""
    on_features: dict[tuple[bool, Cut], Steps] = field(default_factory=dict)
    """The steps that train the layers above a cut on stored features, by stage as in ``steps``; created on demand."""

    def state(self) -> list[keras.Variable]:
        """Return everything that training changes: weights, statistics, random generators and the optimizer's state."""
        return [*self.model.variables, *self.optimizer.variables]


def build(config: TrialConfig, inputs: Inputs) -> CompiledModel:
    """Build and compile the model of a configuration's architecture, without setting its settable values.

    Raises:
        InputError: there is no such backbone, its weights are unreadable, or a user's function fails to build a model.
    """
    layers, mixed = SettableLayers(), config.training.mixed_precision
    decay, smoothing = layers.variable("optimizer.weight_decay"), layers.variable("training.label_smoothing")
    with _precision(mixed=mixed):
        model = _model(config, inputs, layers=layers)
    weights = keras.Variable(np.ones(inputs.classes), trainable=False, dtype="float32", name="class_weights")
    fresh_optimizer = optimizer.make(config.optimizer, weight_decay=decay, scaled_loss=mixed)
    _compile(model, fresh_optimizer, Loss(smoothing=smoothing, weights=weights), classes=inputs.classes)
    built = CompiledModel(
        model=model,
        steps={unfrozen: Steps(model) for unfrozen in ((False, True) if is_staged(config.model) else (True,))},
        optimizer=fresh_optimizer,
        variables=layers.variables,
        class_weights=weights,
        inputs=inputs,
        pretrained=trained_weights(model, config.model) if isinstance(config.model, PretrainedModel) else {},
    )
    set_stage(built, config, unfrozen=True)
    fresh_optimizer.build(model.trainable_variables)
    return built


def set_stage(built: CompiledModel, config: TrialConfig, *, unfrozen: bool) -> Steps:
    """Freeze the backbone below the configured depth, or all of it if not ``unfrozen``; return the training steps."""
    if isinstance(config.model, PretrainedModel):
        set_trainable(built.model, config.model, unfrozen=unfrozen)
    return built.steps[unfrozen]


def feature_steps(built: CompiledModel, cut: Cut, *, unfrozen: bool, dtype: str) -> Steps:
    """Return the steps that train the layers above a cut on features of this dtype; call `set_stage` first."""
    key = unfrozen, cut
    if key not in built.on_features:
        suffix = suffix_of(built.model, cut)
        _compile(suffix, built.optimizer, built.model.loss, classes=built.inputs.classes)
        built.on_features[key] = Steps(suffix, dtype=dtype)
    return built.on_features[key]


def set_values(built: CompiledModel, config: TrialConfig) -> None:
    """Prepare a built model for a trial: set its values, fresh weights and a fresh optimizer."""
    values = settable_values(config)
    for path, variable in built.variables.items():
        variable.assign(values[path])
    _reset_weights(built, config)
    reset_optimizer(built)


def _reset_weights(built: CompiledModel, config: TrialConfig) -> None:
    """Reset weights and random generators. A user's function sets its model's weights itself: it may load them."""
    seed, inputs, model = config.training.seed, built.inputs, config.model
    if not isinstance(model, CustomModel):
        initialise(built.model, seed=seed, pretrained=built.pretrained)
        return
    weights = fresh_weights(model, seed=seed, classes=inputs.classes, image_shape=inputs.shape)
    built.model.get_layer(CUSTOM_LAYER).set_weights(weights)
    reset_generators(built.model, seed=seed)


def reset_optimizer(built: CompiledModel) -> None:
    """Reset the optimizer's state."""
    optimizer.reset(built.optimizer)


def stock_model(built: CompiledModel, config: TrialConfig) -> keras.Model:
    """Return the trained model in stock Keras layers, from pixels in [0, 255] to class probabilities."""
    stock = _model(config, built.inputs, layers=StockLayers(settable_values(config)))
    stock.set_weights(built.model.get_weights())
    return stock


def _model(config: TrialConfig, inputs: Inputs, *, layers: Layers) -> keras.Model:
    images = keras.Input(inputs.shape, dtype="float32", name="pixels")
    augment = layers.augment(config.augmentation, "augmentation.strength")
    x = augment(images) if augment is not None else images
    if isinstance(config.model, CnnModel):
        normalise = keras.layers.Normalization(mean=inputs.mean, variance=inputs.variance, name="normalise")
        body = partial(cnn, normalise(x), config.model, layers=layers)
    elif isinstance(config.model, CustomModel):
        body = partial(custom, x, config.model, image_shape=inputs.shape)
    else:
        body = partial(pretrained, x, config.model, layers=layers)
    return keras.Model(images, body(classes=inputs.classes), name=config.model.kind)


def _compile(model: keras.Model, rule: keras.optimizers.Optimizer, loss: Loss, *, classes: int) -> None:
    model.compile(
        optimizer=rule,
        loss=loss,
        metrics=_metrics(classes),
        auto_scale_loss=False,  # done by the optimizer if needed
        jit_compile=False,  # 12–25 times slower on CPUs, and the warp of the augmentation has no XLA kernel
    )


@contextmanager
def _precision(*, mixed: bool) -> Iterator[None]:
    """Layers created in this context compute in float16 if ``mixed``; their weights stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16" if mixed else before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _metrics(classes: int) -> list[keras.metrics.Metric]:
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    return (
        [accuracy, keras.metrics.SparseTopKCategoricalAccuracy(5, name="top5_accuracy")] if classes > 5 else [accuracy]
    )
