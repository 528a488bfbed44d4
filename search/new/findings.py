"""What `tunehound new` finds out about the data and the machine."""

from __future__ import annotations

from dataclasses import dataclass

from search.machine import Machine
from search.new.model_section import Weights
from spaces.config.trial import Data
from trainables.dataset import DataInfo
from trainables.preflight.headers import Headers


@dataclass(frozen=True, kw_only=True)
class Findings:
    """A data set, and the machine on which it was inspected."""

    given: str
    """DATA as given on the command line."""
    data: Data
    info: DataInfo
    headers: Headers | None
    """None if the source has no image files."""
    provided: frozenset[str]
    """Which of the validation and test splits come with the data set."""
    machine: Machine
    remarks: tuple[str, ...]
    """How the data set was recognised, and what of it may not be meant, a sentence each."""
    weights: Weights | None
    """The weights that the sweep starts from; None to train from scratch."""

    @property
    def counts(self) -> tuple[int, ...]:
        """Training images per class."""
        return self.info.counts["train"]

    @property
    def imbalance(self) -> float:
        """The size of the largest class divided by that of the smallest."""
        return max(self.counts) / min(self.counts)

    @property
    def side_px(self) -> int:
        """The shorter side of the training images after resizing."""
        return min(self.info.image_shape[:2])

    @property
    def is_grey(self) -> bool:
        """Whether all images are greyscale."""
        return self.info.image_shape[-1] == 1 or (self.headers is not None and self.headers.is_grey)
