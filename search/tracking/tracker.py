"""Trials on Weights & Biases while a sweep runs: one process, one W&B run a trial, offline first.

A thread reads the run every few seconds and gives W&B the difference, so the sweep never waits for a network. What W&B
has taken is noted in the ledger; `tunehound sync` sends the rest.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from search.run.reader import Run, RunReader
from search.tracking.client import chosen_mode, stop_service, wait_for
from search.tracking.reconciler import Reconciler
from spaces.file.sweep import Wandb

logger = logging.getLogger(__name__)

ROUND_S = 3.0
"""The pause between two rounds."""
SHARE = 20
"""It is longer if needed: the rounds take no more than one part in so many of a core."""


class WandbTracker:
    """Shows the trials of a sweep on W&B from entry to exit; the leaderboard follows at the end.

    Online if the environment or netrc has a key, else offline; WANDB_MODE has the last word. W&B's failures are logged
    and never reach the sweep. `tracking: {wandb: off}` means: make no tracker.

    Args:
        directory: of the run.
        settings: W&B's project and entity.
        message: shows the user that the end of the sweep waits for W&B.
        close_timeout_s: how long it waits at most.
    """

    def __init__(
        self,
        directory: Path,
        settings: Wandb,
        *,
        message: Callable[[str], None] = logger.info,
        close_timeout_s: float = 10.0,
    ) -> None:
        self._directory, self._settings = directory, settings
        self._message, self._close_timeout_s = message, close_timeout_s
        self._closing, self._given_up = threading.Event(), threading.Event()
        self._reader = RunReader(directory)
        self._begun = self._reader.read()  # now: a trial that continues soon has more epochs
        self._worker = threading.Thread(target=self._work, name="wandb", daemon=True)

    def __enter__(self) -> WandbTracker:
        self._worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give W&B the rest, leaderboard included, and finish every W&B run. Call it when no trial trains any more."""
        self._closing.set()
        taken = False
        try:
            taken = wait_for(self._worker, self._close_timeout_s, self._message)
        finally:  # also after Ctrl-C
            if not taken:
                self._given_up.set()
                stop_service()

    def _work(self) -> None:
        try:
            mode = chosen_mode()
        except Exception as error:  # such as settings of W&B that it refuses
            logger.warning("W&B: %s", error)
            return
        if mode == "disabled":
            return
        reconciler = Reconciler(
            self._directory,
            self._begun,
            self._settings,
            mode=mode,
            home=self._directory,
            stopped=self._given_up.is_set,
        )
        pause_s = 0.0
        while not self._closing.wait(pause_s):
            began_s = time.thread_time()
            self._round(reconciler, last=False)
            pause_s = max(ROUND_S, SHARE * (time.thread_time() - began_s))
        self._round(reconciler, last=True)

    def _round(self, reconciler: Reconciler, *, last: bool) -> None:
        try:
            if run := self._reader.read():
                reconciler.update(run, last=last)
                if last and not self._given_up.is_set():
                    _update_leaderboard(run, self._settings, reconciler)
        except Exception as error:
            logger.warning("W&B: %s", error)


def _update_leaderboard(run: Run, settings: Wandb, reconciler: Reconciler) -> None:
    from search.tracking.leaderboard import MODEL, missing_parts, update_parts  # draws figures: a second to import

    parts = missing_parts(run, online=reconciler.mode == "online")
    parts.pop(MODEL, None)  # too large for the end of a sweep
    update_parts(run, settings, parts, reconciler.result, mode=reconciler.mode, home=run.directory)
