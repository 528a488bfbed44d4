"""The frozen layers of a network with their initial weights, from pixels to the features at each cut."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from spaces.config.trial import PretrainedModel, Ranges
from trainables.dataset import PixelArray
from trainables.features.storage import FeatureArray
from trainables.models.augment import USES, augment_images, draw
from trainables.models.cut import Cut
from trainables.models.head import POOLINGS
from trainables.models.pretrained import network_of, prepared

BATCH_PIXELS = 2**20
"""Approximate number of pixels processed at a time."""


class Prefix:
    """Computes features with its own copy of the weights, since training changes the network above the cut.

    Args:
        settings: the backbone, and how to preprocess images for it.
        image_shape: height, width and channels of the images.
        cuts: where to compute features, all in one pass.
        weights: the backbone's, in the order of `get_weights`.
        ranges: how to augment images, at the strength given to `compute`.
        dtype: dtype of the features.
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
        """Shape of one image's features at each cut."""
        return tuple(tuple(output.shape[1:]) for output in self._network.outputs)

    def compute(
        self,
        pixels: PixelArray,
        *,
        strength: float,
        seed: Sequence[int],
        check_interrupt: Callable[[], None] = lambda: None,
    ) -> list[FeatureArray]:
        """Return the features at each cut for images uint8 (n, height, width, channels).

        The augmentation has this ``strength`` (0 for none) and is drawn from the two ``seed`` numbers.
        ``check_interrupt`` is called regularly and may raise.
        """
        numbers = draw(tf.constant(seed, tf.int32), tf.constant(len(pixels)))
        pieces = []
        for first in range(0, len(pixels), self._batch):
            check_interrupt()
            batch = slice(first, first + self._batch)
            augment_images = (tf.constant(strength, tf.float32), numbers[:, batch])
            pieces.append(self._augmented(pixels[batch], *augment_images) if strength else self._clean(pixels[batch]))
        return [np.concatenate([piece.numpy() for piece in at_cut]) for at_cut in zip(*pieces, strict=True)]

    def _augmented_features(self, pixels: tf.Tensor, strength: tf.Tensor, numbers: tf.Tensor) -> list[tf.Tensor]:
        return self._features(augment_images(tf.cast(pixels, tf.float32), self.ranges, strength, numbers))

    def _features(self, pixels: tf.Tensor) -> list[tf.Tensor]:
        outputs = self._network(tf.cast(pixels, tf.float32), training=False)
        return [tf.cast(output, self.dtype) for output in (outputs if isinstance(outputs, list) else [outputs])]


def hash_of(weights: Sequence[NDArray[np.floating]]) -> str:
    """Return a hash of the weights, sixteen hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for array in weights:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


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
