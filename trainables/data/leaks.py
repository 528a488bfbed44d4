"""Images that stand in two parts: what is learned by heart in one is known by heart in the other."""

from __future__ import annotations

import hashlib

import numpy as np

from trainables.data.dataset import Images, Leak
from trainables.data.split import Selection

Places = dict[bytes, str]
"""Digest of an image's pixels → where it stands, once, even where it is there twice."""


def places_of(part: str, selection: Selection, images: Images) -> Places:
    """Where the images of a part stand; ``images`` is what ``selection`` read."""
    digests = (hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest() for image in images.images)
    return {digest: f"{part}: {name}" for digest, name in zip(digests, selection.names(), strict=True)}


def leaks_between(places: Places, others: Places) -> tuple[Leak, ...]:
    """The images that stand in both."""
    return tuple(Leak(places[digest], other) for digest, other in others.items() if digest in places)
