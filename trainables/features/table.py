"""The features of one part of a data set at one cut: computed as they are needed, found where somebody has them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from spaces.config.trial import Augmentation, PretrainedModel
from trainables.dataset import AnyImages, Features
from trainables.features.key import key_of
from trainables.features.prefix import FeatureArray, Prefix, hash_of
from trainables.features.storage import CHUNK, Entry, Layout, open_entry
from trainables.features.views import Views
from trainables.models.augment import full_ranges
from trainables.models.cut import Cut

SEED = 0
"""Of the views: the same for all trials, whatever their own seeds."""
KEPT_PREFIXES, KEPT_ENTRIES = 4, 2
"""How many a process keeps for the trials to come; of entries no more than one trial uses, since none that is open can
make room for others."""


class Shelf:
    """Some views of a part's images, as what crosses ``cut``.

    Raises:
        NoRoomError: there is no room for the features.
        trainables.data.store.UnusableError: the store cannot be written to.
    """

    def __init__(
        self, model: PretrainedModel, prefix: Prefix, cut: Cut, *, images: AnyImages, called: str, views: Views
    ) -> None:
        self.images, self.views, self._prefix = images, views, prefix
        layout = Layout(images=len(images), views=views.count, shapes=prefix.shapes, dtype=prefix.dtype)
        self._entry = _kept_entry(key_of(model, prefix, images=called, views=views), layout)
        self._values = self._entry.values[prefix.cuts.index(cut)]
        self._labels = np.tile(images.labels, views.count)
        self._features = Features(self._values, self._labels)

    def fill(self, view: int, heed: Callable[[], None]) -> None:
        """Makes sure that a view is there. Raises: NoRoomError: the disk is full."""
        if self._entry.fill(view, partial(self._compute, heed=heed), heed=heed):
            self._features = Features(self._values, self._labels)  # what a GPU holds of it is old

    def features(self) -> Features:
        """All views, one after the other. Those that were not filled hold anything."""
        return self._features

    def _compute(self, view: int, chunk: int, *, heed: Callable[[], None]) -> list[FeatureArray]:
        positions = np.arange(chunk * CHUNK, min((chunk + 1) * CHUNK, len(self.images)))
        seed = (SEED, view * self._entry.layout.chunks + chunk)
        pixels = self.images.read(positions)
        return self._prefix.compute(pixels, strength=self.views.strength, seed=seed, heed=heed)


def prefix_of(
    model: PretrainedModel,
    augmentation: Augmentation,
    cuts: Sequence[Cut],
    *,
    weights: Sequence[NDArray[np.floating]],
    image_shape: tuple[int, int, int],
) -> Prefix:
    """What computes the features of a backbone with these weights; a kept one if there is one, else a new one."""
    ranges, dtype = full_ranges(augmentation), model.features.dtype
    key = repr((model.backbone, model.alpha, model.input_size, hash_of(weights), image_shape, cuts, ranges, dtype))
    if key not in _prefixes:
        if len(_prefixes) >= KEPT_PREFIXES:
            _prefixes.popitem(last=False)
        _prefixes[key] = Prefix(model, image_shape=image_shape, cuts=cuts, weights=weights, ranges=ranges, dtype=dtype)
    _prefixes.move_to_end(key)
    return _prefixes[key]


def _kept_entry(key: str, layout: Layout) -> Entry:
    """The entry of that key; one that this process has open, if it has: a process must not lock one twice."""
    found = _entries.pop(key, None)
    if found is None or not found.folder.exists():
        while len(_entries) >= KEPT_ENTRIES:
            _entries.popitem(last=False)
        found = open_entry(key, layout)
    _entries[key] = found
    return found


_prefixes: OrderedDict[str, Prefix] = OrderedDict()
_entries: OrderedDict[str, Entry] = OrderedDict()
