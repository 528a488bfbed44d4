"""Two steps to a trial's model: `build` the architecture once, then `set_values` as often as there are trials."""

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
from trainables.models.initialise import initialise, rewind
from trainables.models.layers import Layers, SettableLayers, StockLayers
from trainables.models.pretrained import pretrained, set_trainable, suffix_of, trained_weights
from trainables.models.settable import settable_values
from trainables.training import optimizer
from trainables.training.loss import Loss
from trainables.training.steps import Steps


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a model must know of its data."""

    shape: tuple[int, int, int]
    """Height, width, channels."""
    classes: int
    mean: tuple[float, ...]
    """Of the training pixels, in [0, 255], one number a channel."""
    variance: tuple[float, ...]

    @classmethod
    def of(cls, images: AnyImages, *, classes: int) -> Inputs:
        """Measures training images."""
        levels = np.arange(256.0)
        means = [float(np.average(levels, weights=count)) for count in images.levels]
        spreads = [
            float(np.average((levels - mean) ** 2, weights=count))
            for mean, count in zip(means, images.levels, strict=True)
        ]
        return cls(
            shape=images.image_shape,
            classes=classes,
            mean=tuple(means),
            variance=tuple(spread or 1.0 for spread in spreads),  # a channel that never varies: not through zero
        )


@dataclass(frozen=True, kw_only=True)
class Built:
    """A model whose settable values are variables, with what is needed to start it afresh."""

    model: keras.Model
    steps: Mapping[bool, Steps]
    """What trains the model: unfrozen as configured (true), or its head alone (false, of a fine-tuned one)."""
    optimizer: keras.optimizers.Optimizer
    variables: Mapping[str, keras.Variable]
    class_weights: keras.Variable
    """float32 (classes,): how much a training image of each class counts; set from the training part."""
    inputs: Inputs
    pretrained: Mapping[str, list[np.ndarray]] = field(default_factory=dict)
    """Weights that a fresh start restores instead of drawing, by layer name."""
    on_features: dict[tuple[bool, Cut], Steps] = field(default_factory=dict)
    """What trains the part above a cut on stored features, by stage as in ``steps``; made when first needed."""

    def state(self) -> list[keras.Variable]:
        """Everything that training changes: weights, statistics, random generators and the optimizer's memory."""
        return [*self.model.variables, *self.optimizer.variables]


def build(config: TrialConfig, inputs: Inputs) -> Built:
    """The training model of a configuration's architecture, compiled; its settable values are not set yet.

    Raises:
        InputError: there is no such backbone, its weights cannot be read, or a user's function builds no model.
    """
    layers, mixed = SettableLayers(), config.training.mixed_precision
    decay, smoothing = layers.variable("optimizer.weight_decay"), layers.variable("training.label_smoothing")
    with _precision(mixed=mixed):
        model = _model(config, inputs, layers=layers)
    weights = keras.Variable(np.ones(inputs.classes), trainable=False, dtype="float32", name="class_weights")
    rule = optimizer.make(config.optimizer, weight_decay=decay, scaled_loss=mixed)
    _compile(model, rule, Loss(smoothing=smoothing, weights=weights), classes=inputs.classes)
    built = Built(
        model=model,
        steps={unfrozen: Steps(model) for unfrozen in ((False, True) if is_staged(config.model) else (True,))},
        optimizer=rule,
        variables=layers.variables,
        class_weights=weights,
        inputs=inputs,
        pretrained=trained_weights(model, config.model) if isinstance(config.model, PretrainedModel) else {},
    )
    choose_stage(built, config, unfrozen=True)
    rule.build(model.trainable_variables)
    return built


def choose_stage(built: Built, config: TrialConfig, *, unfrozen: bool) -> Steps:
    """What trains the model, its backbone frozen below the configured depth, or (``unfrozen`` false) altogether."""
    if isinstance(config.model, PretrainedModel):
        set_trainable(built.model, config.model, unfrozen=unfrozen)
    return built.steps[unfrozen]


def steps_on(built: Built, cut: Cut, *, unfrozen: bool, dtype: str) -> Steps:
    """What trains the part above a cut, on features of that dtype; the stage must be chosen already."""
    key = unfrozen, cut
    if key not in built.on_features:
        suffix = suffix_of(built.model, cut)
        _compile(suffix, built.optimizer, built.model.loss, classes=built.inputs.classes)
        built.on_features[key] = Steps(suffix, dtype=dtype)
    return built.on_features[key]


def set_values(built: Built, config: TrialConfig) -> None:
    """Makes a built model that of this trial: its settable values, fresh weights and an optimizer with no memory."""
    values = settable_values(config)
    for path, variable in built.variables.items():
        variable.assign(values[path])
    _start(built, config)
    forget(built)


def _start(built: Built, config: TrialConfig) -> None:
    """Fresh weights and rewound generators. A user's function gives its model's weights itself: it may load some."""
    seed, inputs, model = config.training.seed, built.inputs, config.model
    if not isinstance(model, CustomModel):
        initialise(built.model, seed=seed, pretrained=built.pretrained)
        return
    weights = fresh_weights(model, seed=seed, classes=inputs.classes, image_shape=inputs.shape)
    built.model.get_layer(CUSTOM_LAYER).set_weights(weights)
    rewind(built.model, seed=seed)


def forget(built: Built) -> None:
    """An optimizer with no memory."""
    optimizer.forget(built.optimizer)


def stock_model(built: Built, config: TrialConfig) -> keras.Model:
    """The trained model in layers of Keras alone: pixels in [0, 255] in, class probabilities out."""
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
        auto_scale_loss=False,  # the optimizer does where it should
        jit_compile=False,  # 12–25 times slower on CPUs, and the warp of the augmentation has no XLA kernel
    )


@contextmanager
def _precision(*, mixed: bool) -> Iterator[None]:
    """Layers made meanwhile compute in float16 where ``mixed``; their weights stay float32."""
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
