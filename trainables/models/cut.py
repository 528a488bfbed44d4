"""Where a network is cut in two: a frozen prefix, whose output is stored, and a suffix that trains on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from spaces.config.trial import PretrainedModel
from trainables.models.backbones import BACKBONES, feature_cut, layer_names


@dataclass(frozen=True)
class Cut:
    """A place between frozen and trainable layers that one tensor crosses."""

    layer: str
    """The backbone's layer whose output crosses it."""
    pooling: Literal["average", "max"] | None = None
    """How the head pools that output, where nothing below the pooling trains: a vector is smaller than a map."""

    def __str__(self) -> str:
        return f"{self.layer}.{self.pooling}" if self.pooling else self.layer


def cut_of(model: PretrainedModel, *, unfrozen: bool) -> Cut | None:
    """The cut of a stage: below what is unfrozen, or (``unfrozen`` false) below the head; None where all trains."""
    if unfrozen and model.fine_tunes:
        layer = feature_cut(model)
        return None if layer is None else Cut(layer)
    pooling = model.head.pooling
    return Cut(BACKBONES[model.backbone].block_ends[-1], None if pooling == "flatten" else pooling)


def cuts_of(model: PretrainedModel) -> tuple[Cut, ...]:
    """The cuts of all stages of a configuration, from the input up."""
    found = (cut_of(model, unfrozen=unfrozen) for unfrozen in (True, False))
    return tuple(dict.fromkeys(cut for cut in found if cut is not None))


def highest_usable(cuts: Iterable[Cut], wanted: Cut, *, backbone: str) -> Cut:
    """The highest of ``cuts`` from whose features those of ``wanted``, which is among them or above one, follow."""
    names = layer_names(backbone)

    def height(cut: Cut) -> tuple[int, bool]:
        return names.index(cut.layer), cut.pooling is not None

    usable = [cut for cut in cuts if cut == wanted or (cut.pooling is None and height(cut) < height(wanted))]
    return max(usable, key=height)
