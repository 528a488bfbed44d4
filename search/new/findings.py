"""What `tunehound new` found out before it writes anything."""

from __future__ import annotations

from dataclasses import dataclass

from search.machine import Machine
from search.new.model_section import Weights
from spaces.config.trial import Data
from trainables.data.headers import Look
from trainables.dataset import DataInfo


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A data set, and the machine that it was looked at on."""

    given: str
    """As the person named it."""
    data: Data
    info: DataInfo
    look: Look | None
    """None where the source has no image files."""
    brought: frozenset[str]
    """Which of validation and test the data set has itself."""
    machine: Machine
    weights: Weights | None
    """Those that the sweep starts from; None where it starts from scratch."""

    @property
    def counts(self) -> tuple[int, ...]:
        """Training images a class."""
        return self.info.counts["train"]

    @property
    def imbalance(self) -> float:
        """The largest class as a multiple of the smallest."""
        return max(self.counts) / min(self.counts)

    @property
    def side_px(self) -> int:
        """The shorter side of the images as they are trained on."""
        return min(self.info.image_shape[:2])

    @property
    def is_grey(self) -> bool:
        """Whether no image has colours."""
        return self.info.image_shape[-1] == 1 or (self.look is not None and self.look.is_grey)
