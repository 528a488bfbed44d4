"""How times are told to people."""

from __future__ import annotations

import pytest

from search.formatting import duration


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.4, "0 s"), (59.6, "1 min 00 s"), (61, "1 min 01 s"), (3600, "1 h 00 min"), (90000, "1 d 1 h")],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, told: str) -> None:
    assert duration(seconds) == told
