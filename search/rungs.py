"""The ladder of a sweep: after which epochs trials are compared."""

from __future__ import annotations


def ladder(*, grace_epochs: int, reduction_factor: int, epochs: int) -> list[int]:
    """The rungs, lowest first: ``grace_epochs × reduction_factor^k`` below the horizon of ``epochs``."""
    rung, rungs = grace_epochs, []
    while rung < epochs:
        rungs.append(rung)
        rung *= reduction_factor
    return rungs
