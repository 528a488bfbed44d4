"""The sweeps that the lab trains: small, on data that need no file."""

from __future__ import annotations

from tests.search.commands import TINY

SHORT = TINY.replace("trials: 6", "trials: 9") + "tracking: off\n"
"""Nine trials of at most four epochs."""
LONG = TINY.replace("epochs: 4,", "epochs: 150,").replace("trials: 6, grace_epochs: 1", "trials: 6, grace_epochs: 50")
LONG += "tracking: off\n"
"""Six trials, of which three are always at work for a while: time enough to do harm to them."""
