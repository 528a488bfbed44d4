"""From images to batches: from tensors that the graph reads directly, or through a prefetching pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainables.dataset import AnyImages, Images, LabelArray, PositionArray, StoredFeatures

Array = NDArray[np.uint8] | NDArray[np.floating]

ON_GPU_BYTES = 256 * 2**20
"""Only splits up to this size are kept in GPU memory, which several trials may share."""


Examples = AnyImages | StoredFeatures
"""What a network is trained and evaluated on."""


@dataclass(frozen=True, eq=False)
class ResidentTensors:
    """A whole split as tensors that the graph can read: uint8 or floating (n, …) and int64 (n,)."""

    values: tf.Tensor
    labels: tf.Tensor


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Return the number of batches that cover ``images`` images once; the last one may be smaller."""
    return -(-images // batch_size)


def order(images: int, *, seed: int, epoch: int) -> PositionArray:
    """Return all positions in the order of an epoch, int64 (images,): a function of the seed and the epoch only.

    So an interrupted training run that continues at ``epoch`` sees the same batches as an uninterrupted one.
    """
    return np.random.default_rng([seed, epoch]).permutation(images)


def resident(part: Examples) -> ResidentTensors | None:
    """Return the split as tensors, cached per process; None if it is too large for a GPU, or streamed."""
    if not isinstance(part, Images | StoredFeatures):
        return None
    values = part.images if isinstance(part, Images) else part.values
    if tf.config.list_logical_devices("GPU") and values.nbytes > ON_GPU_BYTES:
        return None
    if part not in _resident:
        _resident[part] = ResidentTensors(_tensor(values), tf.constant(part.labels))
    return _resident[part]


def stream(part: Examples, positions: PositionArray, *, batch_size: int) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Yield batches of (values, int64 labels) in the order of ``positions``, read in parallel and prefetched."""
    labels, first = part.labels, part.read(positions[:1])

    def read(batch: PositionArray) -> tuple[Array, LabelArray]:
        return part.read(batch), labels[batch]

    def batch(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        values, classes = tf.numpy_function(read, [at], [first.dtype, tf.int64], stateful=False)
        return tf.ensure_shape(values, (None, *first.shape[1:])), tf.ensure_shape(classes, (None,))

    with tf.device("CPU:0"):
        batches = tf.data.Dataset.from_tensor_slices(positions).batch(batch_size)
        return iter(batches.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(2))


_resident: WeakKeyDictionary[Images | StoredFeatures, ResidentTensors] = WeakKeyDictionary()


def _tensor(values: Array) -> tf.Tensor:
    """Convert an array to a tensor; a file mapped copy-on-write keeps its pages, shared between processes."""
    if not isinstance(values, np.memmap) or values.mode != "c" or tf.config.list_logical_devices("GPU"):
        return tf.constant(values)
    shared = values.view()
    shared.flags.writeable = True  # required by TensorFlow, although it does not write
    return tf.experimental.dlpack.from_dlpack(shared.__dlpack__())
