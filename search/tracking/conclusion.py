"""The end of a sweep on W&B: what was confirmed since the trials ended, and the leaderboard."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from search.run.reader import open_run
from search.tracking.client import Mode
from search.tracking.leaderboard import MODEL, parts_untold
from search.tracking.ledger import untold
from search.tracking.upload import Sending
from spaces.file.load import load_sweep
from spaces.file.sweep import Wandb

logger = logging.getLogger(__name__)


def conclude(directory: Path, settings: Wandb, *, mode: Mode, over: Callable[[], bool]) -> None:
    """Tells W&B, or an offline file, of what its runs do not show yet. Failures are logged and left to `sync`.

    Args:
        directory: of the run, with its results.
        settings: where to.
        mode: online or offline.
        over: whether nobody waits any more.
    """
    try:
        run, sweep = open_run(directory), load_sweep(directory / "sweep.yaml", check_files=False)
        numbers, parts = untold(run, online=False), parts_untold(run, online=mode == "online")
        parts.pop(MODEL, None)  # too large for the end of a sweep
        sent = Sending(run, sweep, settings, mode=mode, patient=False, over=over).send(numbers, parts)
        for failure in sent.failures:
            logger.warning("W&B does not have %s", failure)
    except Exception as error:
        logger.warning("W&B: %s", error)
