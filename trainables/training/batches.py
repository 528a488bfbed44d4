"""Images in, batches out: from memory that the graph itself reads, or through a pipeline that decodes ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainables.dataset import AnyImages, Features, Images, LabelArray, PositionArray

Array = NDArray[np.uint8] | NDArray[np.floating]

ON_GPU_BYTES = 256 * 2**20
"""A part of no more than this is held in the memory of a GPU, which several trials may share."""


Examples = AnyImages | Features
"""What a network is trained on, and measured by."""


@dataclass(frozen=True, eq=False)
class Held:
    """A whole part where the graph can read it: uint8 or floating (n, …) and int64 (n,)."""

    values: tf.Tensor
    labels: tf.Tensor


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Batches that cover ``images`` images once; the last may be smaller."""
    return -(-images // batch_size)


def order(images: int, *, seed: int, epoch: int) -> PositionArray:
    """All positions in the order of an epoch, int64 (images,): a function of the seed and the epoch alone.

    So an interrupted training that continues at ``epoch`` sees the batches that it would have seen.
    """
    return np.random.default_rng([seed, epoch]).permutation(images)


def held(part: Examples) -> Held | None:
    """The part where graphs read it, made once a process; None where it is too large for a GPU, or streamed."""
    if not isinstance(part, Images | Features):
        return None
    values = part.images if isinstance(part, Images) else part.values
    if tf.config.list_logical_devices("GPU") and values.nbytes > ON_GPU_BYTES:
        return None
    if part not in _held:
        _held[part] = Held(_tensor(values), tf.constant(part.labels))
    return _held[part]


def stream(part: Examples, positions: PositionArray, *, batch_size: int) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Batches of (values, int64 labels) in the order of ``positions``, read in parallel and ahead of use."""
    labels, first = part.labels, part.read(positions[:1])

    def read(batch: PositionArray) -> tuple[Array, LabelArray]:
        return part.read(batch), labels[batch]

    def batch(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        values, classes = tf.numpy_function(read, [at], [first.dtype, tf.int64], stateful=False)
        return tf.ensure_shape(values, (None, *first.shape[1:])), tf.ensure_shape(classes, (None,))

    with tf.device("CPU:0"):
        batches = tf.data.Dataset.from_tensor_slices(positions).batch(batch_size)
        return iter(batches.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(2))


_held: WeakKeyDictionary[Images | Features, Held] = WeakKeyDictionary()


def _tensor(values: Array) -> tf.Tensor:
    """An array as a tensor; a file that is mapped copy-on-write stays its pages, shared with whoever maps it."""
    if not isinstance(values, np.memmap) or values.mode != "c" or tf.config.list_logical_devices("GPU"):
        return tf.constant(values)
    shared = values.view()
    shared.flags.writeable = True  # which TensorFlow demands and makes no use of
    return tf.experimental.dlpack.from_dlpack(shared.__dlpack__())
