"""A model that counts, while it is evaluated, which class is taken for which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


class Scored(keras.Model):
    """A functional classifier whose evaluation fills a confusion matrix beside the compiled metrics.

    One matrix product a batch; no training step pays for it. Penalties and training losses are not evaluated.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        classes = self.output_shape[-1]
        matrix = keras.Variable(np.zeros((classes, classes)), trainable=False, dtype="float32", name="confusion")
        self._confusion: Callable[[], keras.Variable] = lambda: matrix  # as an attribute it would count as a weight

    def test_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Evaluates a batch of (images, labels)."""
        images, labels = data
        probabilities = self(images, training=False)
        matrix = self._confusion()
        predicted = tf.one_hot(tf.argmax(probabilities, axis=-1), matrix.shape[0])
        matrix.assign_add(tf.matmul(tf.one_hot(labels, matrix.shape[0]), predicted, transpose_a=True))
        metrics: dict[str, tf.Tensor] = self.compute_metrics(images, labels, probabilities)
        return metrics

    def forget_confusion(self) -> None:
        """Empties the matrix before an evaluation."""
        matrix = self._confusion()
        matrix.assign(np.zeros(matrix.shape))

    def confusion(self) -> NDArray[np.float32]:
        """Images by true class (rows) and predicted class (columns), float32 (classes, classes), whole numbers."""
        return np.asarray(self._confusion().numpy())
