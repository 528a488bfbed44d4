"""The order of the images: a function of the seed and the epoch, and of nothing else. And the pixels as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import tests.trainables.small  # noqa: F401 - settles the threads
from trainables.dataset import Images
from trainables.training.batches import held, order, steps_per_epoch, stream

PIXELS = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1)
LABELS = np.arange(10, dtype=np.int64)


def test_every_epoch_shows_every_image_once_in_another_order() -> None:
    shown = [order(10, seed=0, epoch=epoch).tolist() for epoch in range(3)]
    assert all(sorted(epoch) == list(range(10)) for epoch in shown)
    assert len({tuple(epoch) for epoch in shown}) == 3


def test_the_order_depends_on_the_seed_and_the_epoch_alone() -> None:
    one, same, other = (order(10, seed=seed, epoch=1).tolist() for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_batches_cover_the_images_once() -> None:
    assert [steps_per_epoch(10, size) for size in (1, 4, 5, 10, 11)] == [10, 3, 2, 1, 1]


def test_a_stream_brings_the_images_of_these_positions_with_their_labels_in_order() -> None:
    positions = np.array([7, 2, 9, 0, 4])
    batches = list(stream(Images(PIXELS, LABELS), positions, batch_size=2))
    assert [len(labels) for _, labels in batches] == [2, 2, 1]
    assert [int(label) for _, labels in batches for label in labels] == positions.tolist()
    for pixels, labels in batches:
        assert pixels.dtype == np.uint8
        np.testing.assert_array_equal(pixels[:, 0, 0, 0], labels)


def test_a_part_is_put_where_the_graph_reads_it_once_a_process() -> None:
    part = Images(PIXELS, LABELS)
    whole = held(part)
    assert whole is not None
    np.testing.assert_array_equal(whole.values, PIXELS)
    assert held(part) is whole


def test_pages_of_a_mapped_file_are_read_where_they_are(tmp_path: Path) -> None:
    """Seen by changing the file behind the tensor's back."""
    file = tmp_path / "pixels.npy"
    np.save(file, PIXELS)
    whole = held(Images(np.load(file, mmap_mode="c"), LABELS))
    assert whole is not None
    np.load(file, mmap_mode="r+")[3] = 77
    assert int(whole.values[3, 0, 0, 0]) == 77
