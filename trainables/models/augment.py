"""One strength in [0, 1] scales a policy of random changes, applied in the graph to the whole batch at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from spaces.config.trial import Augmentation, Ranges, Transform

USUAL: Mapping[Transform, Any] = {
    "flip": 0.5,
    "rotation": 30.0,
    "shift": 0.2,
    "zoom": 0.3,
    "shear": 0.3,
    "brightness": 0.3,
    "contrast": 0.5,
}
"""The full range of each transform that a policy only names, in the units of `spaces.config.augmentation.Ranges`."""

USES = ("flip", "rotation", "shift_x", "shift_y", "zoom", "shear", "brightness", "contrast")
"""What random numbers are drawn for, whatever the policy: adding a transform to it leaves the others' as they are."""

GEOMETRIC = frozenset({"flip", "rotation", "shift", "zoom", "shear"})


def full_ranges(settings: Augmentation) -> Ranges:
    """The range of each transform at strength 1."""
    policy = settings.policy
    return policy if isinstance(policy, Ranges) else Ranges.model_validate({name: USUAL[name] for name in policy})


def names(ranges: Ranges) -> frozenset[str]:
    """The transforms that take part."""
    return frozenset(name for name, value in ranges if value is not None)


class Augment(keras.layers.Layer):
    """Changes training images at random; the identity, bit for bit, at strength 0 and outside training.

    Takes and returns float32 of shape (batch, height, width, channels) with pixels in [0, 255]. The geometric
    transforms of a policy are composed into one projective warp per image (bilinear, edges reflected), so that each
    pixel is interpolated once however many of them take part.
    """

    def __init__(self, ranges: Ranges, strength: keras.Variable, **options: Any) -> None:
        super().__init__(dtype="float32", **options)  # half precision would round pixels at strength 0
        # In closures, because a variable kept as an attribute would count as a weight of the layer.
        self._strength: Callable[[], keras.Variable] = lambda: strength
        self._ranges: Callable[[], Ranges] = lambda: ranges
        self.seed_generator = keras.random.SeedGenerator(seed=0)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Augments a batch when training."""
        if not training:
            return images
        numbers = drawn(self.seed_generator.next(), tf.shape(images)[0])
        return augmented(images, self._ranges(), tf.convert_to_tensor(self._strength()), numbers)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape stays as it is."""
        return input_shape


def drawn(seed: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Random numbers for so many images, float32 (uses, count) in [0, 1)."""
    return tf.random.stateless_uniform([len(USES), count], seed)


def augmented(images: tf.Tensor, ranges: Ranges, strength: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Images float32 (batch, height, width, channels) in [0, 255], changed as `drawn` numbers (uses, batch) say."""
    draws = _Draws(numbers, strength)
    if GEOMETRIC & names(ranges):
        images = _warp(images, _matrices(draws, ranges, images))
    if ranges.contrast is not None:
        images = _contrast(images, 1 + draws.change("contrast", ranges.contrast))
    if ranges.brightness is not None:
        change = draws.change("brightness", ranges.brightness)[:, None, None, None]
        images = images * (1 + change) if isinstance(ranges.brightness, tuple) else images + 255 * change
    return tf.clip_by_value(images, 0, 255)


class _Draws:
    """A random number for each image and use."""

    def __init__(self, numbers: tf.Tensor, strength: tf.Tensor) -> None:
        self._rows = dict(zip(USES, tf.unstack(numbers), strict=True))
        self.strength = strength

    def uniform(self, use: str) -> tf.Tensor:
        """float32 (batch,) in [0, 1), not scaled."""
        return self._rows[use]

    def change(self, use: str, full: float | tuple[float, ...] | None) -> tf.Tensor:
        """float32 (batch,): how far each image goes, by strength times ± ``full``, or from factor to factor less 1."""
        if full is None:
            return tf.zeros_like(self._rows[use])
        low, high = (full[0] - 1, full[1] - 1) if isinstance(full, tuple) else (-full, full)
        return (low + (high - low) * self._rows[use]) * self.strength


def _matrices(draws: _Draws, ranges: Ranges, images: tf.Tensor) -> tf.Tensor:
    """Projective transforms, float32 (batch, 8), that map output pixels to input pixels around the image's centre."""
    zero = tf.zeros_like(draws.uniform("flip"))
    angle = math.pi / 180 * draws.change("rotation", ranges.rotation)
    shear, zoom = draws.change("shear", ranges.shear), 1 + draws.change("zoom", ranges.zoom)
    shift_x, shift_y = (draws.change(use, ranges.shift) for use in ("shift_x", "shift_y"))
    flipped = draws.uniform("flip") < (ranges.flip or 0.0) * draws.strength
    mirror = tf.where(flipped, -1.0, 1.0)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    # rotation · shear · zoom · mirror, row by row
    a, b = zoom * cosine * mirror, zoom * (cosine * shear - sine)
    c, d = zoom * sine * mirror, zoom * (sine * shear + cosine)
    height, width = tf.cast(tf.shape(images)[1], tf.float32), tf.cast(tf.shape(images)[2], tf.float32)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    offset_x = centre_x - a * centre_x - b * centre_y + width * shift_x
    offset_y = centre_y - c * centre_x - d * centre_y + height * shift_y
    return tf.stack([a, b, offset_x, c, d, offset_y, zero, zero], axis=1)


def _warp(images: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _contrast(images: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Scales each image's distance from its own mean, channel by channel."""
    means = tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    factors = factors[:, None, None, None]
    # Not mean + factor · (x − mean): at factor 1 that is off by a rounding, and strength 0 must change nothing.
    return images * factors + means * (1 - factors)
