"""The metrics that a sweep can be about."""

from __future__ import annotations


def maximised(metric: str) -> bool:
    """Whether more of a metric is better; less is for losses."""
    return not metric.endswith("loss")
