"""Splits train and validation again, by another seed, to confirm a winner. The test part stays the same."""

from __future__ import annotations

import numpy as np

from trainables.data.copies import groups
from trainables.data.split import draw
from trainables.data.statistics import SEARCHED, DatasetStatistics
from trainables.dataset import Dataset, PositionArray, concatenate, select


def can_resplit(statistics: DatasetStatistics) -> bool:
    """Whether train and validation were split off one part of the source, rather than provided as two parts.

    Positions in separate parts both start at 0; in one part, no position is in both.
    """
    train, validation = (statistics.positions[part] for part in SEARCHED)
    return not np.intersect1d(train, validation).size


def overlap(statistics: DatasetStatistics) -> float:
    """Return the ratio of validation to training images if they can be split again, else 0."""
    train, validation = (len(statistics.positions[part]) for part in SEARCHED)
    return validation / train if can_resplit(statistics) else 0.0


def resplit(dataset: Dataset, statistics: DatasetStatistics, *, seed: int) -> Dataset:
    """Split the same images again, stratified, in the same sizes; identical images stay together.

    A data set with its own validation part is returned unchanged.
    """
    if not can_resplit(statistics):
        return dataset
    images = concatenate(dataset.train, dataset.validation)
    held_out = draw(images.labels, identical(statistics), share=len(dataset.validation) / len(images), seed=seed)
    train, validation = (select(images, np.flatnonzero(where)) for where in (~held_out, held_out))
    return Dataset(train, validation, dataset.class_names, dataset.fingerprint)


def identical(statistics: DatasetStatistics) -> PositionArray:
    """For each image of train, then validation, return the position of the first one with the same pixels, (n,)."""
    return groups(np.concatenate([statistics.digests[part] for part in SEARCHED]))
