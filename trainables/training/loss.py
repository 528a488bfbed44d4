"""What training minimises beside the penalties: cross-entropy with smoothed labels and weighted classes."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight

from spaces.config.trial import Training


class Loss(keras.losses.Loss):
    """Cross-entropy of labels int (batch,) and probabilities float32 (batch, classes), read from variables.

    Labels are smoothed as in Szegedy et al. 2016, section 7: a share of each is spread evenly over all classes. Each
    image counts by the weight of its class, float32 (classes,); the mean is over images, not over weights.
    """

    def __init__(self, *, smoothing: keras.Variable, weights: keras.Variable) -> None:
        super().__init__(name="loss")
        self._smoothing: Callable[[], keras.Variable] = lambda: smoothing
        self._weights: Callable[[], keras.Variable] = lambda: weights

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """The loss of each image, float32 (batch,)."""
        labels = tf.cast(tf.reshape(y_true, [-1]), tf.int64)
        share = tf.convert_to_tensor(self._smoothing())
        even = tf.ones_like(y_pred) / tf.cast(tf.shape(y_pred)[-1], y_pred.dtype)
        named = keras.losses.sparse_categorical_crossentropy(labels, y_pred)
        spread = keras.losses.categorical_crossentropy(even, y_pred)
        return ((1 - share) * named + share * spread) * tf.gather(tf.convert_to_tensor(self._weights()), labels)


def class_weights(labels: NDArray[np.int64], settings: Training, *, classes: int) -> NDArray[np.float32]:
    """How much an image of each class counts, float32 (classes,): 1, or scikit-learn's "balanced" weights."""
    weights = np.ones(classes, np.float32)
    if settings.class_weight == "balanced":
        present = np.unique(labels)
        weights[present] = compute_class_weight("balanced", classes=present, y=labels)
    return weights
