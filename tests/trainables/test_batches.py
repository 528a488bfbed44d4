"""The order of the images: a function of the seed and the epoch, and of nothing else."""

from __future__ import annotations

from itertools import chain

import numpy as np

import tests.trainables.small  # noqa: F401 - settles the threads
from trainables.batches import evaluation_batches, steps_per_epoch, training_batches

IMAGES = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
LABELS = np.arange(10, dtype=np.int64)


def epochs(count: int, *, seed: int = 0, first_epoch: int = 0, batch_size: int = 4) -> list[list[int]]:
    """The labels of each epoch in the order in which they come."""
    batches = training_batches(IMAGES, LABELS, batch_size=batch_size, seed=seed, first_epoch=first_epoch)
    steps = steps_per_epoch(10, batch_size)
    taken = [labels.numpy().tolist() for _, labels in batches.take(count * steps)]
    return [[*chain(*taken[i * steps : (i + 1) * steps])] for i in range(count)]


def test_every_epoch_shows_every_image_once_in_another_order() -> None:
    shown = epochs(3)
    assert all(sorted(epoch) == list(range(10)) for epoch in shown)
    assert len({tuple(epoch) for epoch in shown}) == 3


def test_the_last_batch_of_an_epoch_is_smaller_and_epochs_never_mix() -> None:
    batches = training_batches(IMAGES, LABELS, batch_size=4, seed=0, first_epoch=0)
    assert [len(labels) for _, labels in batches.take(6)] == [4, 4, 2, 4, 4, 2]
    assert [steps_per_epoch(10, size) for size in (1, 4, 5, 10, 11)] == [10, 3, 2, 1, 1]


def test_the_order_depends_on_the_seed() -> None:
    assert epochs(2, seed=1) == epochs(2, seed=1)
    assert epochs(2, seed=1) != epochs(2, seed=2)


def test_whoever_continues_at_an_epoch_sees_what_would_have_come() -> None:
    assert epochs(2, first_epoch=2) == epochs(4)[2:]


def test_the_order_does_not_depend_on_the_batch_size() -> None:
    assert epochs(2, batch_size=3) == epochs(2, batch_size=10)


def test_images_keep_their_labels_and_become_floats_of_the_same_pixels() -> None:
    for batches in (
        training_batches(IMAGES, LABELS, batch_size=4, seed=0, first_epoch=0).take(3),
        evaluation_batches(IMAGES, LABELS, batch_size=4),
    ):
        for pixels, labels in batches:
            assert pixels.dtype == np.float32
            assert labels.dtype == np.int64
            np.testing.assert_array_equal(pixels[:, 0, 0, 0], labels)


def test_evaluation_shows_every_image_once_in_order() -> None:
    shown = [labels.numpy().tolist() for _, labels in evaluation_batches(IMAGES, LABELS, batch_size=4)]
    assert shown == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
