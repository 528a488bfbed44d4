"""The sweeps that the lab trains: small, on data that need no file."""

from __future__ import annotations

from tests.search.commands import TINY

SHORT = TINY.replace("trials: 6", "trials: 9") + "tracking: off\n"
"""Nine trials of at most four epochs."""
LONG = TINY.replace("epochs: 4,", "epochs: 150,").replace(
    "trials: 6, grace_epochs: 1", "trials: 6, checkpoint_minutes: 0.05, grace_epochs: 50"
)
LONG += "tracking: off\n"
"""Six trials, as many as there are hosts at a time: long enough to do harm to them."""
assert "checkpoint_minutes" in LONG
assert "epochs: 150" in LONG
