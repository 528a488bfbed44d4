"""Pairs of images that should make a reader of scores suspicious: copies in two parts, and under two labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainables.data.copies import DigestArray, Marks, nearest_copies
from trainables.data.split import Selection
from trainables.dataset import Leak


@dataclass(frozen=True, eq=False)
class MarkedPart:
    """The images of one part, and what identifies them."""

    name: str
    selection: Selection
    marks: Marks

    def place(self, position: int, *, label: str = "") -> str:
        """Return where an image is: ``part: name``."""
        held = self.selection
        return f"{self.name}: {held.part.name(int(held.positions[position]))}{label}"


def leaks_between(first: Sequence[MarkedPart], second: MarkedPart) -> tuple[Leak, ...]:
    """Return every image of ``second`` that is also in one of the parts ``first``, with the place that it has there."""
    known = {digest: (part, position) for part in reversed(first) for digest, position in _first(part.marks.digests)}
    found = []
    for position, digest in enumerate(_keys(second.marks.digests)):
        if digest in known:
            part, at = known[digest]
            found.append(Leak(part.place(at), second.place(position)))
    return tuple(found)


def near_copies_between(first: Sequence[MarkedPart], second: MarkedPart) -> tuple[Leak, ...]:
    """Return every image of ``second`` that looks like one of the parts ``first`` but is no copy of any."""
    places = [(part, position) for part in first for position in range(len(part.selection))]
    thumbnails = np.concatenate([part.marks.thumbnails for part in first])
    known = {digest for part in first for digest in _keys(part.marks.digests)}
    found = []
    for position, nearest in enumerate(nearest_copies(thumbnails, second.marks.thumbnails)):
        if nearest >= 0 and second.marks.digests[position].tobytes() not in known:
            part, at = places[nearest]
            found.append(Leak(part.place(at), second.place(position)))
    return tuple(found)


def under_two_labels(parts: Sequence[MarkedPart], class_names: Sequence[str]) -> tuple[Leak, ...]:
    """Return every image that has another label elsewhere: once for each further label, with both places."""
    known: dict[bytes, dict[int, tuple[MarkedPart, int]]] = {}
    for part in parts:
        for position, digest in enumerate(_keys(part.marks.digests)):
            known.setdefault(digest, {}).setdefault(int(part.selection.labels[position]), (part, position))
    return tuple(
        Leak(*(part.place(at, label=f" ({class_names[label]})") for label, (part, at) in (places[0], other)))
        for places in (list(labels.items()) for labels in known.values())
        for other in places[1:]
    )


def marked(selections: Mapping[str, Selection], marks: Mapping[str, Marks]) -> dict[str, MarkedPart]:
    """Return the parts that have marks, by name."""
    return {name: MarkedPart(name, selections[name], marks[name]) for name in selections if name in marks}


def _keys(found: DigestArray) -> list[bytes]:
    return [each.tobytes() for each in found]


def _first(found: DigestArray) -> list[tuple[bytes, int]]:
    """Return each digest with the position of its first image."""
    first: dict[bytes, int] = {}
    for position, digest in enumerate(_keys(found)):
        first.setdefault(digest, position)
    return list(first.items())
