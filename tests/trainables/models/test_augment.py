"""One strength scales a policy: what it may do, and what it must never do."""

from __future__ import annotations

from typing import Any, get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

import tests.trainables.small  # noqa: F401 - settles the threads
from spaces.config.trial import Augmentation, Ranges, Transform
from trainables.models.augment import USES, USUAL, Augment, full_ranges, names

POLICY: tuple[Transform, ...] = get_args(Transform)
IMAGES = np.random.default_rng(0).integers(0, 256, (16, 9, 12, 3)).astype(np.float32)


def augment(policy: tuple[Transform, ...] | Ranges, strength: float, *, seed: int = 0) -> Augment:
    ranges = full_ranges(Augmentation(policy=policy))
    layer = Augment(ranges, keras.Variable(strength, trainable=False, dtype="float32"))
    layer.seed_generator.state.assign([seed, 0])
    return layer


def changed(layer: Augment, images: Any = IMAGES) -> np.ndarray:
    return np.asarray(layer(images, training=True))


def test_strength_0_changes_nothing_bit_for_bit() -> None:
    np.testing.assert_array_equal(changed(augment(POLICY, 0.0)), IMAGES)


def test_outside_training_nothing_changes() -> None:
    np.testing.assert_array_equal(np.asarray(augment(POLICY, 1.0)(IMAGES, training=False)), IMAGES)
    np.testing.assert_array_equal(np.asarray(augment(POLICY, 1.0)(IMAGES)), IMAGES)


def test_a_flip_gives_the_image_or_its_exact_mirror() -> None:
    result = changed(augment(("flip",), 1.0))
    mirrored = [np.array_equal(after, before[:, ::-1]) for before, after in zip(IMAGES, result, strict=True)]
    kept = [np.array_equal(after, before) for before, after in zip(IMAGES, result, strict=True)]
    assert all(one != other for one, other in zip(mirrored, kept, strict=True))
    assert any(mirrored)
    assert any(kept)


def test_half_of_the_images_are_flipped_at_strength_1_and_a_quarter_at_one_half() -> None:
    many = np.tile(np.arange(4, dtype=np.float32)[None, None, :, None], (4000, 4, 1, 1))
    for strength, share in ((1.0, 0.5), (0.5, 0.25)):
        flipped = changed(augment(("flip",), strength), many)[:, 0, 0, 0] == 3
        assert flipped.mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("transform", POLICY)
def test_each_transform_alone_changes_most_images_within_the_pixel_range(transform: Transform) -> None:
    result = changed(augment((transform,), 1.0))
    moved = (result != IMAGES).any(axis=(1, 2, 3))
    assert moved.mean() > (0.2 if transform == "flip" else 0.9)
    assert result.shape == IMAGES.shape
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert result.max() <= 255


def test_all_transforms_together_stay_in_the_pixel_range() -> None:
    extreme = np.where(IMAGES > 128, 255, 0).astype(np.float32)
    result = changed(augment(POLICY, 1.0), extreme)
    assert np.isfinite(result).all()
    assert (result.min(), result.max()) == (0, 255)


def test_more_strength_changes_more() -> None:
    policy = tuple(transform for transform in POLICY if transform != "flip")
    distances = [np.abs(changed(augment(policy, strength)) - IMAGES).mean() for strength in (0.1, 0.4, 1.0)]
    assert distances == sorted(distances)


def test_the_same_seed_gives_the_same_images_and_every_call_others() -> None:
    one, same, other = augment(POLICY, 1.0), augment(POLICY, 1.0), augment(POLICY, 1.0, seed=1)
    first = changed(one)
    np.testing.assert_array_equal(first, changed(same))
    assert not np.array_equal(first, changed(one))
    assert not np.array_equal(first, changed(other))


def test_images_of_a_batch_are_changed_independently() -> None:
    same = np.repeat(IMAGES[:1], 8, axis=0)
    result = changed(augment(("rotation",), 1.0), same)
    assert len({image.tobytes() for image in result}) == 8


def test_a_transform_draws_the_same_whatever_else_takes_part() -> None:
    """Brightness last and additive: the difference to the policy without it is one number an image, where not cut."""
    grey = np.full((8, 4, 4, 1), 128, np.float32)
    alone, together = changed(augment(("brightness",), 0.5), grey), changed(augment(("flip", "brightness"), 0.5), grey)
    np.testing.assert_array_equal(alone, together)


def test_every_transform_has_a_random_number_of_its_own() -> None:
    assert {use.split("_")[0] for use in USES} == set(POLICY)


def test_contrast_keeps_the_mean_and_scales_the_distance_from_it() -> None:
    soft = 100 + IMAGES / 10
    result = changed(augment(("contrast",), 1.0), soft)
    np.testing.assert_allclose(result.mean(axis=(1, 2)), soft.mean(axis=(1, 2)), rtol=1e-5)
    ratio = result.std(axis=(1, 2)) / soft.std(axis=(1, 2))
    assert (ratio > 0.49).all()
    assert (ratio < 1.51).all()
    np.testing.assert_allclose(ratio[:, 0], ratio[:, 2], rtol=1e-4)


def test_a_new_strength_needs_no_new_graph() -> None:
    strength = keras.Variable(0.0, trainable=False, dtype="float32")
    layer = Augment(full_ranges(Augmentation(policy=POLICY)), strength)
    graph = tf.function(lambda images: layer(images, training=True))
    still = graph(IMAGES)
    strength.assign(1.0)
    moved = graph(IMAGES)
    assert graph.experimental_get_tracing_count() == 1
    np.testing.assert_array_equal(still, IMAGES)
    assert not np.array_equal(moved, IMAGES)


def test_the_strength_is_no_weight_of_the_layer() -> None:
    layer = augment(POLICY, 1.0)
    layer(IMAGES, training=True)
    assert layer.weights == []


RAMP = np.tile(np.arange(101, dtype=np.float32)[None, None, :, None], (400, 3, 1, 1)) + 50
"""Images whose pixels say where they come from: 50 at the left edge, 150 at the right one."""


def drawn(strength: float = 1.0, **ranges: Any) -> np.ndarray:
    return changed(augment(Ranges(**ranges), strength), RAMP)


def test_a_list_of_names_stands_for_the_usual_ranges() -> None:
    named, ranged = augment(POLICY, 0.7), augment(Ranges.model_validate(dict(USUAL)), 0.7)
    np.testing.assert_array_equal(changed(named), changed(ranged))
    assert names(full_ranges(Augmentation(policy=("flip", "zoom")))) == {"flip", "zoom"}
    assert set(USUAL) == set(POLICY) == set(Ranges.model_fields)


def test_own_ranges_at_strength_0_change_nothing_bit_for_bit() -> None:
    ranges = {"flip": 0.3, "rotation": 15, "zoom": (0.8, 1.0), "brightness": (0.9, 1.2), "contrast": (0.5, 0.9)}
    np.testing.assert_array_equal(changed(augment(Ranges(**ranges), 0.0)), IMAGES)


@pytest.mark.parametrize(("strength", "low", "high"), [(1.0, 0.9, 1.2), (0.5, 0.95, 1.1)])
def test_brightness_of_two_factors_multiplies(strength: float, low: float, high: float) -> None:
    factors = (drawn(strength, brightness=(0.9, 1.2)) / RAMP)[:, 0, :, 0]
    np.testing.assert_allclose(factors, factors[:, :1].repeat(101, axis=1), rtol=1e-5)
    assert (factors.min(), factors.max()) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))


def test_brightness_of_one_number_is_added() -> None:
    added = (drawn(brightness=0.1) - RAMP)[:, 0, 0, 0]
    assert (added.min(), added.max()) == (pytest.approx(-25.5, abs=0.5), pytest.approx(25.5, abs=0.5))


def test_a_zoom_from_80_to_100_percent_shows_so_much_of_the_side() -> None:
    seen = drawn(zoom=(0.8, 1.0))[:, 1, :, 0]
    shares = (seen[:, -1] - seen[:, 0]) / 100
    assert (shares.min(), shares.max()) == (pytest.approx(0.8, abs=0.01), pytest.approx(1.0, abs=0.01))
    np.testing.assert_allclose(seen[:, 50], 100, atol=1e-3)


def test_a_shift_is_a_share_of_the_side() -> None:
    moved = drawn(shift=0.1)[:, 1, 50, 0] - 100
    assert (moved.min(), moved.max()) == (pytest.approx(-10.1, abs=0.5), pytest.approx(10.1, abs=0.5))


def test_a_rotation_is_in_degrees() -> None:
    """A horizontal step of 20 pixels from the centre falls by the cosine of the angle: 20 · cos 60° = 10."""
    square = np.tile(np.arange(101, dtype=np.float32)[None, None, :, None], (400, 101, 1, 1))
    steps = (lambda turned: turned[:, 50, 70, 0] - turned[:, 50, 50, 0])(
        changed(augment(Ranges(rotation=60), 1.0), square)
    )
    assert (steps.min(), steps.max()) == (pytest.approx(10, abs=0.5), pytest.approx(20, abs=0.1))


def test_a_flip_has_its_own_probability() -> None:
    flipped = drawn(flip=0.2)[:, 1, 0, 0] > 100
    assert flipped.mean() == pytest.approx(0.2, abs=0.06)
