"""The features of one split of a data set at one cut, read from the store or computed on demand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from spaces.config.trial import Augmentation, PretrainedModel
from trainables.dataset import AnyImages, StoredFeatures
from trainables.features.key import key_of
from trainables.features.prefix import Prefix, hash_of
from trainables.features.storage import CHUNK, FeatureArray, FeatureEntry, Layout, open_entry
from trainables.features.views import Views
from trainables.models.augment import full_ranges
from trainables.models.cut import Cut

SEED = 0
"""Seed of the views, the same for all trials, whatever their own seeds."""
KEPT_PREFIXES, KEPT_ENTRIES = 4, 2
"""How many a process caches for later trials; of entries no more than one trial uses, since open ones cannot be
evicted."""


class FeatureTable:
    """The features of some views of a split's images at ``cut``.

    Raises:
        NoRoomError: there is no room for the features.
        trainables.data.store.UnusableError: the store is not writable.
    """

    def __init__(
        self, model: PretrainedModel, prefix: Prefix, cut: Cut, *, images: AnyImages, name: str, views: Views
    ) -> None:
        self.images, self.views, self._prefix = images, views, prefix
        layout = Layout(images=len(images), views=views.count, shapes=prefix.shapes, dtype=prefix.dtype)
        self._entry = _cached_entry(key_of(model, prefix, images=name, views=views), layout)
        self._values = self._entry.values[prefix.cuts.index(cut)]
        self._labels = np.tile(images.labels, views.count)
        self._features = StoredFeatures(self._values, self._labels)

    def fill(self, view: int, check_interrupt: Callable[[], None]) -> None:
        """Complete a view. Raises: NoRoomError: the disk is full."""
        if self._entry.fill(
            view, partial(self._compute, check_interrupt=check_interrupt), check_interrupt=check_interrupt
        ):
            self._features = StoredFeatures(self._values, self._labels)  # a GPU's copy is outdated

    def features(self) -> StoredFeatures:
        """Return all views, one after the other. Views that were not filled have undefined content."""
        return self._features

    def _compute(self, view: int, chunk: int, *, check_interrupt: Callable[[], None]) -> list[FeatureArray]:
        positions = np.arange(chunk * CHUNK, min((chunk + 1) * CHUNK, len(self.images)))
        seed = (SEED, view * self._entry.layout.chunks + chunk)
        pixels = self.images.read(positions)
        return self._prefix.compute(pixels, strength=self.views.strength, seed=seed, check_interrupt=check_interrupt)


def prefix_of(
    model: PretrainedModel,
    augmentation: Augmentation,
    cuts: Sequence[Cut],
    *,
    weights: Sequence[NDArray[np.floating]],
    image_shape: tuple[int, int, int],
) -> Prefix:
    """Return the prefix that computes the features of a backbone with these weights, from the cache if possible."""
    ranges, dtype = full_ranges(augmentation), model.features.dtype
    key = repr((model.backbone, model.alpha, model.input_size, hash_of(weights), image_shape, cuts, ranges, dtype))
    if key not in _prefixes:
        if len(_prefixes) >= KEPT_PREFIXES:
            _prefixes.popitem(last=False)
        _prefixes[key] = Prefix(model, image_shape=image_shape, cuts=cuts, weights=weights, ranges=ranges, dtype=dtype)
    _prefixes.move_to_end(key)
    return _prefixes[key]


def _cached_entry(key: str, layout: Layout) -> FeatureEntry:
    """Return the entry with this key, reusing an open one: a process must not lock an entry twice."""
    found = _entries.pop(key, None)
    if found is None or not found.folder.exists():
        while len(_entries) >= KEPT_ENTRIES:
            _entries.popitem(last=False)
        found = open_entry(key, layout)
    _entries[key] = found
    return found


_prefixes: OrderedDict[str, Prefix] = OrderedDict()
_entries: OrderedDict[str, FeatureEntry] = OrderedDict()
