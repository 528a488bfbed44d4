"""The layers whose settings a sweep varies, in two kinds: settable while a model lives, and stock for the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import keras
import tensorflow as tf

from spaces.config.trial import Augmentation
from trainables.models.augment import Augment, full_ranges, names


class Layers(Protocol):
    """Where the model functions get the layers that carry a settable value; ``path`` names the value's field."""

    def dropout(self, path: str, *, name: str) -> keras.layers.Layer:
        """A dropout layer."""

    def penalty(self, *, l1: str | None = None, l2: str | None = None) -> keras.regularizers.Regularizer | None:
        """An L1 and L2 penalty; None for a path is none of that kind."""

    def augment(self, settings: Augmentation, path: str) -> keras.layers.Layer | None:
        """The augmentation; none in a model that is to be saved."""

    def batch_norm(self, options: Mapping[str, Any]) -> keras.layers.Layer:
        """Batch normalisation that keeps its statistics, as a pretrained backbone needs it."""


class SettableLayers:
    """Layers that read their value from a variable, so that one compiled model serves every value."""

    def __init__(self) -> None:
        self.variables: dict[str, keras.Variable] = {}

    def variable(self, path: str) -> keras.Variable:
        """The variable that holds the value of a field; float32, a scalar."""
        if path not in self.variables:
            self.variables[path] = keras.Variable(0.0, trainable=False, dtype="float32", name=path.replace(".", "_"))
        return self.variables[path]

    def dropout(self, path: str, *, name: str) -> keras.layers.Layer:
        """Dropout at the variable's rate."""
        return _VariableDropout(self.variable(path), name=name)

    def penalty(self, *, l1: str | None = None, l2: str | None = None) -> keras.regularizers.Regularizer | None:
        """Penalties of the variables' sizes."""
        sizes = {norm: self.variable(path) for norm, path in (("l1", l1), ("l2", l2)) if path is not None}
        return _VariablePenalty(sizes) if sizes else None

    def augment(self, settings: Augmentation, path: str) -> keras.layers.Layer | None:
        """Augmentation of the variable's strength."""
        ranges = full_ranges(settings)
        return Augment(ranges, self.variable(path), name="augment") if names(ranges) else None

    def batch_norm(self, options: Mapping[str, Any]) -> keras.layers.Layer:
        """Batch normalisation in inference mode: gamma and beta may train, the statistics never move."""
        return _InferenceBatchNorm(**options)


class StockLayers:
    """Layers of Keras alone, for the file that anyone can load."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = values

    def dropout(self, path: str, *, name: str) -> keras.layers.Layer:
        """Keras' own dropout."""
        return keras.layers.Dropout(self._values[path], name=name)

    def penalty(self, *, l1: str | None = None, l2: str | None = None) -> keras.regularizers.Regularizer | None:
        """Keras' own penalty; none where it is zero."""
        sizes = {norm: self._values[path] for norm, path in (("l1", l1), ("l2", l2)) if path is not None}
        return keras.regularizers.L1L2(**sizes) if any(sizes.values()) else None

    def augment(self, settings: Augmentation, path: str) -> None:
        """A saved model augments nothing."""

    def batch_norm(self, options: Mapping[str, Any]) -> keras.layers.Layer:
        """Keras' own batch normalisation."""
        return keras.layers.BatchNormalization(**options)


class _VariableDropout(keras.layers.Layer):
    def __init__(self, rate: keras.Variable, **options: Any) -> None:
        super().__init__(**options)
        # A closure: as an attribute the variable would count as a weight.
        self._rate: Callable[[], keras.Variable] = lambda: rate
        self.seed_generator = keras.random.SeedGenerator(seed=0)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return inputs
        rate = tf.cast(tf.convert_to_tensor(self._rate()), inputs.dtype)
        return tf.nn.experimental.stateless_dropout(inputs, rate=rate, seed=self.seed_generator.next())

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


class _VariablePenalty(keras.regularizers.Regularizer):
    def __init__(self, sizes: Mapping[str, keras.Variable]) -> None:
        self._sizes: Callable[[], Mapping[str, keras.Variable]] = lambda: sizes

    def __call__(self, weights: tf.Tensor) -> tf.Tensor:
        norms = {"l1": keras.ops.abs, "l2": keras.ops.square}
        sizes = self._sizes().items()
        return sum(keras.ops.convert_to_tensor(size) * keras.ops.sum(norms[norm](weights)) for norm, size in sizes)


class _InferenceBatchNorm(keras.layers.BatchNormalization):
    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        return super().call(inputs, training=False, mask=mask)
