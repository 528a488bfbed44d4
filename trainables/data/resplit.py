"""Train and validation divided anew, by another seed: what a winner is confirmed on. The test part stays untouched."""

from __future__ import annotations

import numpy as np

from trainables.data.split import drawn
from trainables.data.statistics import SEARCHED, Facts
from trainables.dataset import Dataset, PositionArray, chosen, joined


def is_ours_to_divide(facts: Facts) -> bool:
    """Whether train and validation were carved from one part of the source, rather than brought apart by it.

    Positions in parts of their own both count from 0; in one part no position is in both.
    """
    train, validation = (facts.positions[part] for part in SEARCHED)
    return not np.intersect1d(train, validation).size


def overlap(facts: Facts) -> float:
    """Validation images a training image where the two can be divided anew, else 0."""
    train, validation = (len(facts.positions[part]) for part in SEARCHED)
    return validation / train if is_ours_to_divide(facts) else 0.0


def divided_anew(dataset: Dataset, facts: Facts, *, seed: int) -> Dataset:
    """The same images with another division, stratified, as large as the first; identical images stay together.

    A data set that brings its own validation part is returned as it is.
    """
    if not is_ours_to_divide(facts):
        return dataset
    images = joined(dataset.train, dataset.validation)
    held_out = drawn(images.labels, identical(facts), share=len(dataset.validation) / len(images), seed=seed)
    train, validation = (chosen(images, np.flatnonzero(where)) for where in (~held_out, held_out))
    return Dataset(train, validation, dataset.class_names, dataset.fingerprint)


def identical(facts: Facts) -> PositionArray:
    """For each image of train, then validation, the place of the first one that is pixel for pixel the same, (n,)."""
    digests = np.concatenate([facts.digests[part] for part in SEARCHED])
    _, first, which = np.unique(digests, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[which.reshape(-1)], dtype=np.int64)
