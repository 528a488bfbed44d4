"""What images are like before they are resized: their sizes and colours, from their headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spaces.config.trial import Data
from trainables.data.build import data_name, provided_parts
from trainables.data.unreadable import find_unreadable, is_skipping, unreadable_error
from trainables.sources.image import open_image, reason

SAMPLED = 5_000
"""Read at most this many headers, evenly spread over the images."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Headers:
    """The headers of some training images."""

    training: int
    """Number of training images once validation and test have taken their shares, copies not considered."""
    sides: NDArray[np.int64]
    """Width and height in pixels, (n, 2)."""
    modes: Mapping[str, int]
    """Images by Pillow's mode, such as L (grey), RGB and RGBA (transparent), the most frequent first."""

    @property
    def short_side_px(self) -> int:
        """The median of the shorter sides."""
        return int(np.median(self.sides.min(axis=1)))

    @property
    def is_grey(self) -> bool:
        """Whether no image has colours."""
        return all(mode == "1" or (mode.startswith(("L", "I")) and mode != "LAB") for mode in self.modes)


def read_headers(data: Data) -> Headers | None:
    """Read the headers of the training images; return None if the source has no image files.

    Raises:
        InputError: as for `trainables.data.load.load`; if a header is damaged, it names all unreadable images.
    """
    parts = provided_parts(data)
    part = parts.train
    if part.stored is None:
        return None
    sides, modes, failed = [], [], []
    for position in np.unique(np.linspace(0, len(part) - 1, min(len(part), SAMPLED)).astype(int)):
        try:
            with open_image(part.stored(int(position))) as image:
                sides.append(image.size)
                modes.append(image.mode)
        except Exception as error:  # whatever a damaged file makes Pillow raise
            failed.append(f"{part.name(int(position))} ({reason(error)})")
    if failed and not (is_skipping(data) and sides):
        raise unreadable_error([str(each) for each in find_unreadable(parts)] or failed, data_name(data))
    left = (1 - data.test if parts.test is None else 1) * (1 - data.validation if parts.validation is None else 1)
    return Headers(
        training=round(len(part) * left),
        sides=np.asarray(sides, dtype=np.int64),
        modes=dict(Counter(modes).most_common()),
    )
