"""The sweeps to which harm is done."""

from __future__ import annotations

import os
from pathlib import Path

from tests.search.commands import TINY

MANY = TINY.replace("epochs: 4,", "epochs: 8,").replace("trials: 6", "trials: 12") + "tracking: off\n"
"""Twelve trials that are over in seconds."""
LONG = TINY.replace("epochs: 4,", "epochs: 120,").replace("trials: 6", "trials: 3") + "tracking: off\n"
"""Three trials, of which the first is always among the running ones for some seconds."""
ALONE = LONG + f"resources: {{cpus: {os.cpu_count()}}}\n"
"""The same, one at a time."""
WIDE = ALONE.replace("{pooling: flatten}", "{pooling: flatten, units: [2048, 1024]}").replace(
    "epochs: 120", "epochs: 25"
)
"""A checkpoint of these takes tens of milliseconds to write."""

CONFIRMED = LONG.replace("epochs: 120", "epochs: 20").replace("confirm: off", "confirm: {top: 2, seeds: 3}")
"""Three trials, two or three of which are confirmed."""


def written(home: Path, sweep: str) -> Path:
    """Puts a sweep file into a user's folder; where its run, named `one`, is going to be."""
    (home / "sweep.yaml").write_text(sweep)
    return home / "runs" / "one"


RUN = ("run", "sweep.yaml", "--name", "one")
RESUME = ("resume", "one")
