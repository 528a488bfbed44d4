"""The layers whose settings a sweep varies, in two kinds: settable while a model lives, and stock for the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf

from spaces.config import Transform
from trainables.augment import Augment


class Layers(Protocol):
    """Where the model functions get the layers that carry a settable value; ``path`` names the value's field."""

    def dropout(self, path: str, *, name: str) -> keras.layers.Layer:
        """A dropout layer."""

    def l2(self, path: str) -> keras.regularizers.Regularizer | None:
        """An L2 penalty."""

    def augment(self, policy: Sequence[Transform], path: str) -> keras.layers.Layer | None:
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

    def l2(self, path: str) -> keras.regularizers.Regularizer:
        """An L2 penalty of the variable's size."""
        return _VariableL2(self.variable(path))

    def augment(self, policy: Sequence[Transform], path: str) -> keras.layers.Layer | None:
        """Augmentation of the variable's strength."""
        return Augment(policy, self.variable(path), name="augment") if policy else None

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

    def l2(self, path: str) -> keras.regularizers.Regularizer | None:
        """Keras' own penalty; none where it is zero."""
        return keras.regularizers.L2(self._values[path]) if self._values[path] else None

    def augment(self, policy: Sequence[Transform], path: str) -> None:
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


class _VariableL2(keras.regularizers.Regularizer):
    def __init__(self, size: keras.Variable) -> None:
        self._size: Callable[[], keras.Variable] = lambda: size

    def __call__(self, weights: tf.Tensor) -> tf.Tensor:
        return keras.ops.convert_to_tensor(self._size()) * keras.ops.sum(keras.ops.square(weights))


class _InferenceBatchNorm(keras.layers.BatchNormalization):
    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        return super().call(inputs, training=False, mask=mask)
