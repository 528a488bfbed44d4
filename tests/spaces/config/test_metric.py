"""The metrics that a sweep can be about."""

from __future__ import annotations

from typing import get_args

from spaces.config.metric import Metric, direction_of


def test_less_is_better_for_the_loss_alone() -> None:
    assert [name for name in get_args(Metric) if direction_of(name) == "minimize"] == ["val_loss"]
