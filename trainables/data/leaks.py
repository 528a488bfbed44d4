"""Images that stand in two parts: what is learned by heart in one is known by heart in the other."""

from __future__ import annotations

from collections.abc import Iterable

from spaces.problem import InputError
from trainables.data.split import Selection, Selections
from trainables.dataset import Leak

Places = dict[bytes, str]
"""Digest of an image → where it stands, once, even where it is there twice."""


def places_of(part: str, selection: Selection, digests: Iterable[bytes]) -> Places:
    """Where the images of a part stand, by their digests."""
    return {digest: f"{part}: {name}" for digest, name in zip(digests, selection.names(), strict=True)}


def leaks_between(places: Places, others: Places) -> tuple[Leak, ...]:
    """The images that stand in both."""
    return tuple(Leak(places[digest], other) for digest, other in others.items() if digest in places)


def leaks_into_test(divided: Selections) -> tuple[Leak, ...]:
    """Test images that the data set brings in train or validation too, byte for byte; files are not decoded for it.

    A test part that we carve has none. One that cannot be read is told when it is read, by `load_test`.
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
    """Where the images of a part stand, by the digests that their source has for them."""
    return places_of(part, selection, selection.part.told_apart(selection.positions))
