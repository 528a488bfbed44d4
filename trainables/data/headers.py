"""What images are like before they are resized: their sides and colours, from their headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spaces.config.trial import Data
from trainables.data.load import SOURCES, called
from trainables.data.split import divide
from trainables.sources.image import opened_image, reason
from trainables.sources.part import first_few, problem, refusal

LOOKED_AT = 5_000
"""At so many images, evenly spread, one looks at most."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Look:
    """The headers of some training images."""

    training: int
    """How many training images there are once validation and test have taken their shares."""
    sides: NDArray[np.int64]
    """Width and height in pixels, (n, 2)."""
    modes: Mapping[str, int]
    """How many images are grey (L), coloured (RGB), transparent (RGBA), … as Pillow calls it, the most first."""

    @property
    def short_side_px(self) -> int:
        """The median of the shorter sides."""
        return int(np.median(self.sides.min(axis=1)))

    @property
    def is_grey(self) -> bool:
        """Whether none has colours."""
        return all(mode == "1" or mode.startswith(("L", "I")) for mode in self.modes)


def look(data: Data) -> Look | None:
    """The headers of the training images; None where the source has no image files.

    Raises:
        InputError: as for `trainables.data.load.load`; of the images only those are told whose header is damaged.
    """
    parts = SOURCES[data.source](data)
    part = parts.train
    if part.stored is None:
        return None
    sides, modes, failed = [], [], []
    for position in np.unique(np.linspace(0, len(part) - 1, min(len(part), LOOKED_AT)).astype(int)):
        try:
            with opened_image(part.stored(int(position))) as image:
                sides.append(image.size)
                modes.append(image.mode)
        except Exception as error:  # as when it is read: the file is at fault
            failed.append(f"{part.name(int(position))} ({reason(error)})")
    if failed:
        rule, cure = "every image can be read whole", "mend these files or move them away"
        raise refusal(called(data), problem(rule, given=first_few(failed), remedy=cure))
    training = len(divide(parts, data, called(data)).train.positions)
    return Look(training=training, sides=np.asarray(sides, dtype=np.int64), modes=dict(Counter(modes).most_common()))
