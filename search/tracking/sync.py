"""`tunehound sync`: W&B is told what it could not be told while the sweep ran.

What is sent comes from the journal and the histories, not from W&B's offline files: those of a killed sweep are not
whole, and W&B's own replay of a file repeats the rows of an attempt that broke off, and has no end while the server is
away. Here the server is asked how far it is with every trial, and gets the epochs after that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from search.formatting import counted
from search.logs import chatter_to, log_file
from search.run.compatibility import refuse_unknown
from search.run.lock import driving
from search.run.reader import open_run
from search.tracking.client import refuse_without_key
from search.tracking.leaderboard import named, parts_untold
from search.tracking.ledger import untold
from search.tracking.upload import Sending, Sent
from spaces.file.load import load_sweep


@dataclass(kw_only=True)
class Synced:
    """What `sync` did."""

    sent: Sent = field(default_factory=Sent)
    left: int = 0
    """Trials that are still to be sent."""
    left_parts: list[str] = field(default_factory=list)
    """Parts of the leaderboard's W&B run that are."""
    off: bool = False
    """The sweep says `tracking: off`."""


def sync(directory: Path) -> Synced:
    """Sends what W&B's server does not have of a run: each epoch once, however often it is called.

    Args:
        directory: of the run.

    Raises:
        InputError: there is no run or no key for W&B, or another process drives the run; nothing was sent.
    """
    sweep = load_sweep(directory / "sweep.yaml", check_files=False)
    if sweep.tracking.wandb == "off":
        return Synced(off=True)
    with driving(directory):
        run = open_run(directory)
        refuse_unknown(run.about, str(directory / "sweep.yaml"))
        numbers, parts = untold(run, online=True), parts_untold(run, online=True)
        if not numbers and not parts:
            return Synced()
        with chatter_to(log_file(str(run.about["id"]))) as console:
            refuse_without_key(str(directory))
            trials = [f"{len(numbers)} of {counted(len(run.trials), 'trial')}"] if numbers else []
            console.print(f"Sending {', '.join([*trials, *named(parts)])} to W&B …")
            sent = Sending(run, sweep, sweep.tracking.wandb, mode="online", patient=True).send(numbers, parts)
        left, left_parts = untold(run, online=True), list(parts_untold(run, online=True))
    return Synced(sent=sent, left=len(left), left_parts=left_parts)
