"""Arrays in, batches out: an order for every epoch that depends on the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

Gather = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Batches that cover ``images`` images once; the last may be smaller."""
    return -(-images // batch_size)


def training_batches(
    images: np.ndarray, labels: np.ndarray, *, batch_size: int, seed: int, first_epoch: int, steps: int | None = None
) -> tf.data.Dataset:
    """Endless batches of (float32 pixels in [0, 255], int64 labels), reshuffled for each epoch from ``first_epoch`` on.

    An epoch ends after ``steps`` batches or, where not given, when each image was seen. An interrupted training that
    continues at ``first_epoch`` sees the batches that it would have seen.
    """

    def epoch_positions(epoch: tf.Tensor) -> tf.data.Dataset:
        seeds = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(len(images)), seed=seeds)
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size).take(-1 if steps is None else steps)

    epochs = tf.data.Dataset.counter(start=first_epoch, dtype=tf.int64)
    return epochs.flat_map(epoch_positions).map(_gather(images, labels)).prefetch(2)


def evaluation_batches(images: np.ndarray, labels: np.ndarray, *, batch_size: int = 256) -> tf.data.Dataset:
    """The images once, in order, as (float32 pixels in [0, 255], int64 labels)."""
    positions = tf.data.Dataset.range(len(images)).batch(batch_size)
    return positions.map(_gather(images, labels)).prefetch(2)


def _gather(images: np.ndarray, labels: np.ndarray) -> Gather:
    """The function from positions in a part to a batch of it."""
    with tf.device("CPU:0"):  # tf.data works there; a whole part would crowd a GPU that several trials share
        pixels, targets = tf.constant(images), tf.constant(labels)
    return lambda positions: (tf.cast(tf.gather(pixels, positions), tf.float32), tf.gather(targets, positions))
