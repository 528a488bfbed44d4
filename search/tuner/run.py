"""Run a sweep to its end, or resume one that was interrupted."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusters.connection.address import choose_cluster
from search.find import runs_folder
from search.plan.check import check, warnings_about
from search.plan.placement import check_placement
from search.run.compatibility import LASTING, changed_versions, check_changes, check_format
from search.run.directory import mirror_of, new_directory
from search.run.lock import run_lock
from search.run.provenance import provenance
from search.run.reader import open_begun
from search.study.warm_start import earlier_trials
from search.tuner.driver import RunResult, drive
from spaces.file.load import load_sweep, read_yaml
from spaces.file.sweep import Sweep
from spaces.problem import InputError, Problem
from trainables.data.unreadable import skipped_warning

if TYPE_CHECKING:
    from search.mirror.mirror import Mirror

logger = logging.getLogger(__name__)


def run_sweep(
    sweep: Sweep,
    *,
    runs: str | os.PathLike[str] = "runs",
    name: str | None = None,
    warn: Callable[[str], None] = warnings.warn,
) -> RunResult:
    """Run a sweep: search, confirmation, leaderboard, best.yaml, report. Progress goes to stderr.

    Args:
        sweep: from `spaces.file.load.load_sweep`.
        runs: the folder for runs; or, as ``s3://bucket/prefix``, where to mirror a run that lies in ``runs``.
        name: of the run and its folder; by default the sweep's name and the time.
        warn: shows what will train, but probably not as intended.

    Raises:
        InputError: the sweep or its data are wrong, no machine has room for a trial, or the run exists.
        UnfitClusterError: see `search.plan.placement`. In both cases nothing was started.
        TakenOverError: another driver took the mirror.
    """
    from search.mirror.mirror import Mirror, hold_new_mirror, new_store

    name = f"{sweep.name}-{datetime.now():%Y%m%d-%H%M%S}" if name is None else name
    place = new_store(runs, name)
    info = check(sweep)
    earlier_trials(sweep)
    for warning in warnings_about(sweep, info):
        warn(warning)
    side_px = max(info.image_shape[:2])
    check_placement(sweep, cluster := choose_cluster(), image_side_px=side_px, warn=warn)
    about = provenance(name, info, by_hand=sweep.by_hand) | ({"mirror": place.uri} if place else {})
    with hold_new_mirror(place) as lease:
        directory = new_directory(runs_folder(runs), name, sweep.as_mapping() | {"run": about})
        with run_lock(directory):
            mirror = Mirror(lease, directory) if lease else None
            return drive(directory, sweep, about, cluster, image_side_px=side_px, mirror=mirror)


def resume_run(
    directory: Path,
    *,
    overrides: Sequence[str] = (),
    warn: Callable[[str], None] = warnings.warn,
    message: Callable[[str], None] = logger.info,
) -> RunResult:
    """Resume a run: continue interrupted trials from their checkpoints, then try what is left.

    Args:
        directory: of the run.
        overrides: ``PATH=VALUE``; more trials (``search.trials=60``) extend a finished run.
        warn: shows that the run began with other package versions.
        message: shows what was downloaded from the run's mirror.

    Raises:
        InputError: there is no run, another process drives it, its space or its data have changed, or no machine has
            room for a trial.
        UnfitClusterError: see `search.plan.placement`.
        TakenOverError: another driver took the mirror.
    """
    from search.mirror.mirror import hold_mirror

    _about(directory)
    with run_lock(directory), hold_mirror(directory, mirror_of(directory), message=message) as mirror:
        return _resume(directory, overrides=overrides, warn=warn, mirror=mirror)


def _resume(
    directory: Path, *, overrides: Sequence[str], warn: Callable[[str], None], mirror: Mirror | None
) -> RunResult:
    about = _about(directory)
    sweep = load_sweep(directory / "sweep.yaml", overrides)
    if begun := open_begun(directory):
        check_changes(sweep, begun.notes.get(LASTING))
    info = check(sweep)
    _check_data(directory, recorded=str(about.get("data_fingerprint")), found=info.fingerprint)
    if changes := changed_versions(about):
        warn(changes)
    if info.skipped:
        warn(skipped_warning(info.skipped))
    side_px, changed = max(info.image_shape[:2]), bool(overrides)
    check_placement(sweep, cluster := choose_cluster(), image_side_px=side_px, warn=warn)
    return drive(directory, sweep, about, cluster, image_side_px=side_px, mirror=mirror, changed=changed)


def _about(directory: Path) -> dict[str, Any]:
    about = dict(read_yaml(directory / "sweep.yaml").get("run", {}))
    check_format(about, str(directory / "sweep.yaml"))
    return about


def _check_data(directory: Path, *, recorded: str, found: str) -> None:
    if recorded != found:
        problem = Problem(
            path=("trial", "data"),
            rule="a run is resumed with the data that it began with",
            given=f"fingerprint {found}, but {recorded} was recorded",
            remedy="restore the data, or start a new run",
        )
        raise InputError([problem], str(directory / "sweep.yaml"))
