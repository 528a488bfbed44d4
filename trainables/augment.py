"""One strength in [0, 1] scales a policy of random changes, applied in the graph to the whole batch at once."""

from __future__ import annotations

from collections.abc import Sequence
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
        self._strength = lambda: strength
        self.seed_generator = keras.random.SeedGenerator(seed=0)

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Augments a batch when training."""
        if not training:
            return images
        strength = tf.convert_to_tensor(self._strength())
        draw = _Draws(self.seed_generator.next(), tf.shape(images)[0], strength)
        if GEOMETRIC & set(self.policy):
            images = _warp(images, _matrices(draw, self.policy, images))
        if "contrast" in self.policy:
            images = _contrast(images, 1 + CONTRAST * draw.symmetric())
        if "brightness" in self.policy:
            images = images + 255 * BRIGHTNESS * draw.symmetric()[:, None, None, None]
        return tf.clip_by_value(images, 0, 255)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape stays as it is."""
        return input_shape


class _Draws:
    """Independent random numbers, one per image at each call, already scaled by the strength."""

    def __init__(self, seed: tf.Tensor, count: tf.Tensor, strength: tf.Tensor) -> None:
        self._seed, self._count, self.strength, self._drawn = seed, count, strength, 0

    def uniform(self) -> tf.Tensor:
        """float32 (batch,) in [0, 1), not scaled."""
        self._drawn += 1
        seed = tf.stack([self._seed[0], self._seed[1] + 7919 * self._drawn])
        return tf.random.stateless_uniform([self._count], seed)

    def symmetric(self) -> tf.Tensor:
        """float32 (batch,) in [-strength, strength)."""
        return (2 * self.uniform() - 1) * self.strength


def _matrices(draw: _Draws, policy: Sequence[Transform], images: tf.Tensor) -> tf.Tensor:
    """Projective transforms, float32 (batch, 8), that map output pixels to input pixels around the image's centre."""
    zero = tf.zeros_like(draw.uniform())
    angle = ROTATION_RADIANS * draw.symmetric() if "rotation" in policy else zero
    shear = SHEAR * draw.symmetric() if "shear" in policy else zero
    zoom = 1 + ZOOM * draw.symmetric() if "zoom" in policy else 1 + zero
    flipped = draw.uniform() < FLIP_PROBABILITY * draw.strength if "flip" in policy else zero > 1
    mirror = tf.where(flipped, -1.0, 1.0)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    # rotation · shear · zoom · mirror, row by row
    a, b = zoom * cosine * mirror, zoom * (cosine * shear - sine)
    c, d = zoom * sine * mirror, zoom * (sine * shear + cosine)
    height, width = tf.cast(tf.shape(images)[1], tf.float32), tf.cast(tf.shape(images)[2], tf.float32)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    shift_x = SHIFT * width * draw.symmetric() if "shift" in policy else zero
    shift_y = SHIFT * height * draw.symmetric() if "shift" in policy else zero
    offset_x = centre_x - a * centre_x - b * centre_y + shift_x
    offset_y = centre_y - c * centre_x - d * centre_y + shift_y
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
