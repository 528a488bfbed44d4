"""`tunehound sync`: send W&B what it did not get while the sweep ran."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from search.console.logs import log_file, redirect_output
from search.formatting import format_count
from search.run.compatibility import check_format
from search.run.lock import run_lock
from search.run.reader import Run, open_run
from search.tracking.client import check_key
from search.tracking.leaderboard import missing_parts, part_names, update_parts
from search.tracking.ledger import missing_trials
from search.tracking.reconciler import MAX_FAILURES, Reconciler, UploadResult
from spaces.file.load import load_sweep
from spaces.file.sweep import Wandb


@dataclass(kw_only=True)
class SyncResult:
    """What `sync` did."""

    uploaded: UploadResult = field(default_factory=UploadResult)
    missing_trials: int = 0
    """Trials that are still to be sent."""
    missing_parts: list[str] = field(default_factory=list)
    """Parts of the leaderboard's W&B run that are still to be sent."""
    off: bool = False
    """The sweep says `tracking: off`."""


def sync(directory: Path) -> SyncResult:
    """Send what W&B's server does not have of a run: each epoch once, however often this is called.

    Args:
        directory: of the run.

    Raises:
        InputError: there is no run or no key for W&B, or another process drives the run; nothing was sent.
    """
    sweep = load_sweep(directory / "sweep.yaml", check_files=False)
    if sweep.tracking.wandb == "off":
        return SyncResult(off=True)
    with run_lock(directory):
        run = open_run(directory)
        check_format(run.about, str(directory / "sweep.yaml"))
        numbers, parts = missing_trials(run, online=True), missing_parts(run, online=True)
        if not numbers and not parts:
            return SyncResult()
        with redirect_output(log_file(str(run.about["id"]))) as console:
            check_key(str(directory))
            trials = [f"{len(numbers)} of {format_count(len(run.trials), 'trial')}"] if numbers else []
            console.print(f"Sending {', '.join([*trials, *part_names(parts)])} to W&B …")
            uploaded = _upload(run, sweep.tracking.wandb, parts)
        numbers, parts = missing_trials(run, online=True), missing_parts(run, online=True)
    return SyncResult(uploaded=uploaded, missing_trials=len(numbers), missing_parts=list(parts))


def _upload(run: Run, settings: Wandb, parts: dict[str, str]) -> UploadResult:
    with tempfile.TemporaryDirectory() as home:
        reconciler = Reconciler(run.directory, run, settings, mode="online", home=Path(home), patient=True)
        reconciler.update(run, last=True)
        if len(reconciler.result.failures) < MAX_FAILURES:
            update_parts(run, settings, parts, reconciler.result, mode="online", home=Path(home), patient=True)
    return reconciler.result
