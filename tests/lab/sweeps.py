"""The sweeps that the lab trains: small, on data that need no file."""

from __future__ import annotations

from tests.search.commands import TINY

SHORT = TINY.replace("trials: 6", "trials: 9") + "tracking: off\n"
"""Nine trials of at most four epochs."""
LONG = TINY.replace("epochs: 4,", "epochs: 800,").replace(
    "trials: 6, grace_epochs: 1", "trials: 5, checkpoint_minutes: 0.05, grace_epochs: 400"
)
LONG += "tracking: off\n"
"""Five trials, long enough to do harm to those at work: one on each of three hosts, the last of which begins half a
minute after the first."""
assert "checkpoint_minutes" in LONG
assert "epochs: 800" in LONG
