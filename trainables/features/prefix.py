"""The frozen part of a network with the weights that it begins with: from pixels to what is stored at each cut."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from spaces.config.trial import PretrainedModel, Ranges
from trainables.dataset import PixelArray
from trainables.models.augment import USES, augmented, drawn
from trainables.models.cut import Cut
from trainables.models.head import POOLINGS
from trainables.models.pretrained import network_of, prepared

FeatureArray = NDArray[np.floating]
"""What crosses a cut, an image a row: float16 or float32 (n, height, width, channels), or (n, channels) if pooled."""

BATCH_PIXELS = 2**20
"""About so many are computed at a time."""


class Prefix:
    """Computes features. Its weights are its own: those of the network that trains change above the cut.

    Args:
        settings: which backbone, and how images are made ready for it.
        image_shape: height, width and channels of the images.
        cuts: what is computed, in one pass.
        weights: of the backbone, in the order of its `get_weights`.
        ranges: how images are augmented, at the strengths that `compute` is told.
        dtype: of what is computed.
    """

    def __init__(
        self,
        settings: PretrainedModel,
        *,
        image_shape: tuple[int, int, int],
        cuts: Sequence[Cut],
        weights: Sequence[NDArray[np.floating]],
        ranges: Ranges,
        dtype: str,
    ) -> None:
        self.cuts, self.image_shape, self.dtype = tuple(cuts), image_shape, dtype
        self.weights_hash = hash_of(weights)
        self._network = _to_cuts(settings, image_shape, cuts, weights)
        self._batch = max(8, min(256, BATCH_PIXELS // (image_shape[0] * image_shape[1])))
        self.ranges = ranges
        pixels = tf.TensorSpec((None, *image_shape), tf.uint8)
        numbers, scalar = tf.TensorSpec((len(USES), None), tf.float32), tf.TensorSpec((), tf.float32)
        self._clean = tf.function(self._features, input_signature=[pixels])
        self._augmented = tf.function(self._augmented_features, input_signature=[pixels, scalar, numbers])

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of one image's features at each cut."""
        return tuple(tuple(output.shape[1:]) for output in self._network.outputs)

    def compute(
        self, pixels: PixelArray, *, strength: float, seed: Sequence[int], heed: Callable[[], None] = lambda: None
    ) -> list[FeatureArray]:
        """The features at each cut of images uint8 (n, height, width, channels).

        ``strength`` is that of the augmentation, which is drawn from two ``seed`` numbers; at 0 there is none.
        ``heed`` is called every now and then, and may raise.
        """
        numbers = drawn(tf.constant(seed, tf.int32), tf.constant(len(pixels)))
        pieces = []
        for first in range(0, len(pixels), self._batch):
            heed()
            batch = slice(first, first + self._batch)
            augmented = (tf.constant(strength, tf.float32), numbers[:, batch])
            pieces.append(self._augmented(pixels[batch], *augmented) if strength else self._clean(pixels[batch]))
        return [np.concatenate([piece.numpy() for piece in at_cut]) for at_cut in zip(*pieces, strict=True)]

    def _augmented_features(self, pixels: tf.Tensor, strength: tf.Tensor, numbers: tf.Tensor) -> list[tf.Tensor]:
        return self._features(augmented(tf.cast(pixels, tf.float32), self.ranges, strength, numbers))

    def _features(self, pixels: tf.Tensor) -> list[tf.Tensor]:
        outputs = self._network(tf.cast(pixels, tf.float32), training=False)
        return [tf.cast(output, self.dtype) for output in (outputs if isinstance(outputs, list) else [outputs])]


def hash_of(weights: Sequence[NDArray[np.floating]]) -> str:
    """Sixteen hexadecimal digits that tell weights from others."""
    told = hashlib.blake2b(digest_size=8)
    for array in weights:
        told.update(np.ascontiguousarray(array).data)
    return told.hexdigest()


def _to_cuts(
    settings: PretrainedModel,
    image_shape: tuple[int, int, int],
    cuts: Sequence[Cut],
    weights: Sequence[NDArray[np.floating]],
) -> keras.Model:
    backbone = network_of(settings)
    backbone.set_weights(weights)
    images = keras.Input(image_shape, dtype="float32", name="pixels")
    below = keras.Model(backbone.input, [backbone.get_layer(cut.layer).output for cut in cuts])
    crossing = below(prepared(images, settings), training=False)
    outputs = crossing if isinstance(crossing, list) else [crossing]
    return keras.Model(images, [_pooled(output, cut) for output, cut in zip(outputs, cuts, strict=True)])


def _pooled(crossing: keras.KerasTensor, cut: Cut) -> keras.KerasTensor:
    return POOLINGS[cut.pooling](dtype="float32")(crossing) if cut.pooling else crossing
