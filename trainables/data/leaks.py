"""Images that are in two parts, so that what was memorised in one is known in the other."""

from __future__ import annotations

from collections.abc import Iterable

from spaces.problem import InputError
from trainables.data.split import DataSplit, Selection
from trainables.dataset import Leak

Places = dict[bytes, str]
"""Digest of an image → its place; only one, even if the image occurs twice."""


def places_of(part: str, selection: Selection, digests: Iterable[bytes]) -> Places:
    """Return the places of the images of a part, by their digests."""
    return {digest: f"{part}: {name}" for digest, name in zip(digests, selection.names(), strict=True)}


def leaks_between(places: Places, others: Places) -> tuple[Leak, ...]:
    """Return the images that are in both."""
    return tuple(Leak(places[digest], other) for digest, other in others.items() if digest in places)


def leaks_into_test(divided: DataSplit) -> tuple[Leak, ...]:
    """Return the provided test images that are also in train or validation, byte for byte, without decoding files.

    A test part that we split off has none. One that cannot be read is reported when it is read, by `load_test`.
    """
    if divided.test.part is divided.train.part:
        return ()
    try:
        test = undecoded_places("test", divided.test)
    except InputError:
        return ()
    learned = undecoded_places("train", divided.train)
    return leaks_between(undecoded_places("validation", divided.validation) | learned, test)


def undecoded_places(part: str, selection: Selection) -> Places:
    """Return the places of the images of a part, by the digests that their source has for them."""
    return places_of(part, selection, selection.part.compute_digests(selection.positions))
