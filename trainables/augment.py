"""One strength in [0, 1] scales a policy of random changes, applied in the graph to the whole batch at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from spaces.config import Transform

# The full range of each transform, reached at strength 1.
ROTATION_RADIANS = 0.52
"""± 30 degrees."""
SHIFT = 0.2
"""± of the image's side."""
ZOOM = 0.3
"""Scale 1 ± this."""
SHEAR = 0.3
"""± tangent of the shear angle."""
BRIGHTNESS = 0.3
"""± of the pixel range."""
CONTRAST = 0.5
"""Factor 1 ± this around each image's mean."""
FLIP_PROBABILITY = 0.5
"""Chance of a horizontal flip."""

USES = ("flip", "rotation", "shift_x", "shift_y", "zoom", "shear", "brightness", "contrast")
"""What random numbers are drawn for, whatever the policy: adding a transform to it leaves the others' as they are."""

GEOMETRIC: frozenset[Transform] = frozenset({"flip", "rotation", "shift", "zoom", "shear"})


class Augment(keras.layers.Layer):
    """Changes training images at random; the identity, bit for bit, at strength 0 and outside training.

    Takes and returns float32 of shape (batch, height, width, channels) with pixels in [0, 255]. The geometric
    transforms of a policy are composed into one projective warp per image (bilinear, edges reflected), so that each
    pixel is interpolated once however many of them take part.
    """

    def __init__(self, policy: Sequence[Transform], strength: keras.Variable, **options: Any) -> None:
        super().__init__(**options)
        self.policy = tuple(policy)
        # In a closure, because a variable kept as an attribute would count as a weight of the layer.
        self._strength: Callable[[], keras.Variable] = lambda: strength
        self.seed_generator = keras.random.SeedGenerator(seed=0)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Augments a batch when training."""
        if not training:
            return images
        strength = tf.convert_to_tensor(self._strength())
        draws = _Draws(self.seed_generator.next(), tf.shape(images)[0], strength)
        if GEOMETRIC & set(self.policy):
            images = _warp(images, _matrices(draws, self.policy, images))
        if "contrast" in self.policy:
            images = _contrast(images, 1 + CONTRAST * draws.symmetric("contrast"))
        if "brightness" in self.policy:
            images = images + 255 * BRIGHTNESS * draws.symmetric("brightness")[:, None, None, None]
        return tf.clip_by_value(images, 0, 255)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape stays as it is."""
        return input_shape


class _Draws:
    """A random number for each image and use, all drawn at once."""

    def __init__(self, seed: tf.Tensor, count: tf.Tensor, strength: tf.Tensor) -> None:
        rows = tf.random.stateless_uniform([len(USES), count], seed)
        self._rows = dict(zip(USES, tf.unstack(rows), strict=True))
        self.strength = strength

    def uniform(self, use: str) -> tf.Tensor:
        """float32 (batch,) in [0, 1), not scaled."""
        return self._rows[use]

    def symmetric(self, use: str) -> tf.Tensor:
        """float32 (batch,) in [-strength, strength)."""
        return (2 * self._rows[use] - 1) * self.strength


def _matrices(draws: _Draws, policy: Sequence[Transform], images: tf.Tensor) -> tf.Tensor:
    """Projective transforms, float32 (batch, 8), that map output pixels to input pixels around the image's centre."""
    zero = tf.zeros_like(draws.uniform("flip"))

    def within(limit: float, use: str) -> tf.Tensor:
        return limit * draws.symmetric(use) if use.split("_")[0] in policy else zero

    angle, shear, zoom = within(ROTATION_RADIANS, "rotation"), within(SHEAR, "shear"), 1 + within(ZOOM, "zoom")
    flipped = draws.uniform("flip") < FLIP_PROBABILITY * draws.strength if "flip" in policy else zero > 1
    mirror = tf.where(flipped, -1.0, 1.0)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    # rotation · shear · zoom · mirror, row by row
    a, b = zoom * cosine * mirror, zoom * (cosine * shear - sine)
    c, d = zoom * sine * mirror, zoom * (sine * shear + cosine)
    height, width = tf.cast(tf.shape(images)[1], tf.float32), tf.cast(tf.shape(images)[2], tf.float32)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    offset_x = centre_x - a * centre_x - b * centre_y + width * within(SHIFT, "shift_x")
    offset_y = centre_y - c * centre_x - d * centre_y + height * within(SHIFT, "shift_y")
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
