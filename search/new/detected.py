"""What `tunehound new` recognises in DATA."""

from __future__ import annotations

from dataclasses import dataclass

from spaces.config.trial import Data


@dataclass(frozen=True)
class Detected:
    """A data set that was recognised, and what should be known about how."""

    data: Data
    remarks: tuple[str, ...] = ()
    """For the head of the sweep file, a sentence each."""
