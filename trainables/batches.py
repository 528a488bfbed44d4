"""Arrays in, batches out: an order for every epoch that depends on the seed and the epoch alone."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Batches that cover ``images`` images once; the last may be smaller."""
    return -(-images // batch_size)


def training_batches(
    images: np.ndarray, labels: np.ndarray, *, batch_size: int, seed: int, first_epoch: int
) -> tf.data.Dataset:
    """Endless batches of (float32 pixels in [0, 255], int64 labels), reshuffled for each epoch from ``first_epoch`` on.

    An interrupted training that continues at ``first_epoch`` sees the batches that it would have seen.
    """
    pixels, targets = tf.constant(images), tf.constant(labels)
    count = len(images)

    def epoch_indices(epoch: tf.Tensor) -> tf.data.Dataset:
        seeds = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(count), seed=seeds)
        return tf.data.Dataset.from_tensor_slices(order).batch(batch_size)

    def gather(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(tf.gather(pixels, indices), tf.float32), tf.gather(targets, indices)

    epochs = tf.data.Dataset.counter(start=first_epoch, dtype=tf.int64)
    return epochs.flat_map(epoch_indices).map(gather).prefetch(2)


def evaluation_batches(images: np.ndarray, labels: np.ndarray, *, batch_size: int = 256) -> tf.data.Dataset:
    """The images once, in order."""
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size)
    return batches.map(lambda pixels, targets: (tf.cast(pixels, tf.float32), targets)).prefetch(2)
