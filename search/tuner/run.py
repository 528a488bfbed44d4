"""Run a sweep to its end, or resume one that was interrupted."""

from __future__ import annotations

import itertools
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clusters.connection.address import ClusterChoice, choose_cluster
from search.console.startup import StartSteps
from search.console.terminal import Terminal
from search.disk import check_disks
from search.find import runs_folder
from search.mirror.lease import LeaseHeldError
from search.plan.check import check, warnings_about, with_settled_copies
from search.plan.placement import check_placement
from search.run.compatibility import LASTING, changed_versions, check_changes, check_format
from search.run.directory import NameTakenError, default_names, mirror_of, new_directory
from search.run.lock import run_lock
from search.run.provenance import provenance, read_about
from search.run.reader import open_begun
from search.study.warm_start import earlier_trials
from search.tuner.driver import RunResult, drive
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep
from spaces.problem import InputError, Problem
from trainables.data.unreadable import skipped_warning
from trainables.dataset import DataInfo

if TYPE_CHECKING:
    from search.mirror.mirror import Mirror
    from trainables.dataset import DataInfo

logger = logging.getLogger(__name__)


def run_sweep(
    sweep: Sweep,
    *,
    runs: str | os.PathLike[str] = "runs",
    name: str | None = None,
    warn: Callable[[str], None] = warnings.warn,
    steps: StartSteps | None = None,
) -> RunResult:
    """Run a sweep: search, confirmation, leaderboard, best.yaml, report. Progress goes to stderr.

    Args:
        sweep: from `spaces.file.load.load_sweep`.
        runs: the folder for runs; or, as ``s3://bucket/prefix``, where to mirror a run that lies in ``runs``.
        name: of the run and its folder; by default the sweep's name and the time.
        warn: shows what will train, but probably not as intended.
        steps: shows what is done before the first trial; by default on stderr.

    Raises:
        InputError: the sweep or its data are wrong, no machine has room for a trial, or the run exists.
        UnfitClusterError: see `search.plan.placement`. In both cases nothing was started.
        TakenOverError: another driver took the mirror.
    """
    from search.mirror.mirror import new_store

    steps = steps or StartSteps(Terminal(stderr=True))
    names = default_names(sweep.name, datetime.now()) if name is None else iter([name])
    new_store(runs, first := next(names))  # fails at once if the name or the address is wrong
    check_disks(runs_folder(runs))
    info = _checked(sweep, steps)
    sweep = with_settled_copies(sweep)
    earlier_trials(sweep)
    for warning in warnings_about(sweep, info):
        warn(warning)
    side_px = max(info.image_shape[:2])
    cluster = _placed(sweep, steps, image_side_px=side_px, warn=warn)
    with ExitStack() as stack:
        for candidate in itertools.chain([first], names):
            try:
                run = stack.enter_context(_new_run(sweep, info, runs=runs, name=candidate))
                break
            except (NameTakenError, LeaseHeldError):  # another sweep was started in the same second
                if name is not None:
                    raise
        return drive(run.directory, sweep, run.about, cluster, image_side_px=side_px, mirror=run.mirror, steps=steps)


@dataclass(frozen=True)
class _NewRun:
    directory: Path
    about: dict[str, Any]
    mirror: Mirror | None


@contextmanager
def _new_run(sweep: Sweep, info: DataInfo, *, runs: str | os.PathLike[str], name: str) -> Iterator[_NewRun]:
    """Create the folder of a run, locked, and its mirror.

    Raises:
        NameTakenError, LeaseHeldError: another run has this name.
        InputError: the mirror cannot be used.
    """
    from search.mirror.mirror import Mirror, hold_new_mirror, new_store

    place = new_store(runs, name)
    about = provenance(name, info, by_hand=sweep.by_hand) | ({"mirror": place.uri} if place else {})
    with hold_new_mirror(place) as lease:
        directory = new_directory(runs_folder(runs), name, sweep.as_mapping() | {"run": about})
        with run_lock(directory):
            yield _NewRun(directory, about, Mirror(lease, directory) if lease else None)


def resume_run(
    directory: Path,
    *,
    overrides: Sequence[str] = (),
    warn: Callable[[str], None] = warnings.warn,
    message: Callable[[str], None] = logger.info,
    steps: StartSteps | None = None,
) -> RunResult:
    """Resume a run: continue interrupted trials from their checkpoints, then try what is left.

    Args:
        directory: of the run.
        overrides: ``PATH=VALUE``; more trials (``search.trials=60``) extend a finished run.
        warn: shows that the run began with other package versions.
        message: shows what was downloaded from the run's mirror.
        steps: as for `run_sweep`.

    Raises:
        InputError: there is no run, another process drives it, its space or its data have changed, or no machine has
            room for a trial.
        UnfitClusterError: see `search.plan.placement`.
        TakenOverError: another driver took the mirror.
    """
    from search.mirror.mirror import hold_mirror

    _about(directory)
    with run_lock(directory), hold_mirror(directory, mirror_of(directory), message=message) as mirror:
        steps = steps or StartSteps(Terminal(stderr=True))
        return _resume(directory, overrides=overrides, warn=warn, mirror=mirror, steps=steps)


def _resume(
    directory: Path, *, overrides: Sequence[str], warn: Callable[[str], None], mirror: Mirror | None, steps: StartSteps
) -> RunResult:
    steps(f"Reading {directory}")
    about = _about(directory)
    sweep = load_sweep(directory / "sweep.yaml", overrides)
    if begun := open_begun(directory):
        check_changes(sweep, begun.notes.get(LASTING))
    info = _checked(sweep, steps)
    _check_data(directory, recorded=str(about.get("data_fingerprint")), found=info.fingerprint)
    if changes := changed_versions(about):
        warn(changes)
    if info.skipped:
        warn(skipped_warning(info.skipped))
    side_px, changed = max(info.image_shape[:2]), bool(overrides)
    cluster = _placed(sweep, steps, image_side_px=side_px, warn=warn)
    return drive(directory, sweep, about, cluster, image_side_px=side_px, mirror=mirror, steps=steps, changed=changed)


def _checked(sweep: Sweep, steps: StartSteps) -> DataInfo:
    """Check a sweep and its data, which may have to be decoded."""
    steps("Reading the data and checking the sweep")
    return check(sweep)


def _placed(sweep: Sweep, steps: StartSteps, *, image_side_px: int, warn: Callable[[str], None]) -> ClusterChoice:
    """Choose where the sweep runs, and check that it has room for its trials."""
    cluster = choose_cluster()
    if cluster.address:
        steps(f"Asking the Ray cluster at {cluster.address} for its nodes")
    check_placement(sweep, cluster, image_side_px=image_side_px, warn=warn)
    return cluster


def _about(directory: Path) -> dict[str, Any]:
    about = read_about(directory / "sweep.yaml")
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
