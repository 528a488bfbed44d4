"""Run a sweep to its end, or take up one that was interrupted."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from clusters.connection.address import ClusterChoice, choose_cluster
from search.find import home_of
from search.logs import calm, chatter_to, log_file
from search.plan.check import check, doubts
from search.plan.placement import refuse_unfit
from search.run.compatibility import LASTING, other_versions, refuse_changes, refuse_unknown
from search.run.directory import mirror_of, new_directory
from search.run.events import Listener, RunInfo
from search.run.lock import driving
from search.run.provenance import provenance
from search.run.reader import open_begun
from search.study.warm_start import earlier_trials
from spaces.config.metric import direction_of
from spaces.file.load import load_sweep, read_yaml
from spaces.file.sweep import Sweep
from spaces.file.write import write_yaml
from spaces.problem import InputError, Problem, WorkFailedError
from trainables.trust import trust_options

if TYPE_CHECKING:
    from rich.console import Console

    from search.mirror.mirror import Mirror
    from search.tracking.listener import Tracking

logger = logging.getLogger(__name__)


class SweepFailedError(WorkFailedError):
    """Something broke that no trial is to blame for. What was finished is kept."""

    def __init__(self, directory: Path, error: Exception, log: Path) -> None:
        super().__init__(
            f"The sweep stopped: {_what_failed(directory, error)}\n"
            f"Finished trials are kept; the details are in {log}\n"
            f"Continue with: tunehound resume {directory}{trust_options()}"
        )


def _what_failed(directory: Path, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        free_mb = shutil.disk_usage(directory).free / 1e6
        return f"the disk of {directory} is full ({free_mb:.1f} MB free). Make room first."
    return str(error) if isinstance(error, WorkFailedError) else f"{type(error).__name__}: {error}"


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How driving a run ended."""

    directory: Path
    interrupted: bool
    """Somebody asked it to stop; it can be resumed."""
    reason: str | None
    """Why it ended before all its trials were done; None where they are."""
    metric: str
    log: Path
    """What Ray, TensorFlow and W&B had to say."""


def run_sweep(
    sweep: Sweep,
    *,
    runs: str | os.PathLike[str] = "runs",
    name: str | None = None,
    warn: Callable[[str], None] = warnings.warn,
) -> Finished:
    """Runs a sweep: search, confirmation, leaderboard, best.yaml, report. Progress goes to stderr.

    Args:
        sweep: from `spaces.file.load.load_sweep`.
        runs: the folder that holds runs; or, as ``s3://bucket/prefix``, where a run is mirrored that lives in ``runs``.
        name: of the run and its folder; the sweep's name and the time where not given.
        warn: is told what will train, but probably not as it was meant.

    Raises:
        InputError: the sweep or its data are wrong, no machine has room for a trial, or the run exists.
        UnfitClusterError: see `search.plan.placement`. Nothing was started, as with the other.
        TakenOverError: another driver took the mirror.
    """
    from search.mirror.mirror import Mirror, held_for_new, new_place

    name = f"{sweep.name}-{datetime.now():%Y%m%d-%H%M%S}" if name is None else name
    place = new_place(runs, name)
    info = check(sweep)
    earlier_trials(sweep)
    for doubt in doubts(sweep, info):
        warn(doubt)
    side_px = max(info.image_shape[:2])
    refuse_unfit(sweep, cluster := choose_cluster(), image_side_px=side_px, warn=warn)
    about = provenance(name, info, by_hand=sweep.by_hand) | ({"mirror": place.uri} if place else {})
    with held_for_new(place) as lease:
        directory = new_directory(home_of(runs), name, sweep.as_mapping() | {"run": about})
        with driving(directory):
            mirror = Mirror(lease, directory) if lease else None
            return _drive(directory, sweep, about, cluster, image_side_px=side_px, mirror=mirror)


def resume_run(
    directory: Path,
    *,
    overrides: Sequence[str] = (),
    warn: Callable[[str], None] = warnings.warn,
    tell: Callable[[str], None] = logger.info,
) -> Finished:
    """Continues a run: interrupted trials from their checkpoints, then whatever is left to try.

    Args:
        directory: of the run.
        overrides: ``PATH=VALUE``; more trials (``search.trials=60``) extend a finished run.
        warn: is told that the run began with other versions.
        tell: is told what was fetched from the run's mirror.

    Raises:
        InputError: there is no run, another process drives it, its space or its data are not what they were, or no
            machine has room for a trial.
        UnfitClusterError: see `search.plan.placement`.
        TakenOverError: another driver took the mirror.
    """
    from search.mirror.mirror import mirrored

    _about(directory)
    with driving(directory), mirrored(directory, mirror_of(directory), tell=tell) as mirror:
        return _resume(directory, overrides=overrides, warn=warn, mirror=mirror)


def _resume(
    directory: Path, *, overrides: Sequence[str], warn: Callable[[str], None], mirror: Mirror | None
) -> Finished:
    about = _about(directory)
    sweep = load_sweep(directory / "sweep.yaml", overrides)
    if begun := open_begun(directory):
        refuse_changes(sweep, begun.notes.get(LASTING))
    info = check(sweep)
    _refuse_other_data(directory, recorded=str(about.get("data_fingerprint")), found=info.fingerprint)
    if other := other_versions(about):
        warn(other)
    side_px, changed = max(info.image_shape[:2]), bool(overrides)
    refuse_unfit(sweep, cluster := choose_cluster(), image_side_px=side_px, warn=warn)
    return _drive(directory, sweep, about, cluster, image_side_px=side_px, mirror=mirror, changed=changed)


def _about(directory: Path) -> dict[str, Any]:
    about = dict(read_yaml(directory / "sweep.yaml").get("run", {}))
    refuse_unknown(about, str(directory / "sweep.yaml"))
    return about


def _drive(
    directory: Path,
    sweep: Sweep,
    about: Mapping[str, Any],
    cluster: ClusterChoice,
    *,
    image_side_px: int,
    mirror: Mirror | None,
    changed: bool = False,
) -> Finished:
    calm()
    from search.progress import Progress
    from search.tuner.stopping import INTERRUPTED
    from search.tuner.tuner import drive  # Ray takes seconds to import, and a wrong sweep is refused before

    run = RunInfo(
        id=str(about["id"]),
        name=str(about["name"]),
        directory=directory.resolve(),
        metric=sweep.search.metric,
        direction=direction_of(sweep.search.metric),
        trials=sweep.search.trials,
        epochs=sweep.epochs,
    )
    log = log_file(run.id)
    reason: str | None = INTERRUPTED
    with (
        chatter_to(log) as console,
        mirror.sending(partial(console.print, soft_wrap=True))
        if mirror
        else contextlib.nullcontext(lambda: False) as halted,
    ):
        if changed:
            write_yaml(directory / "sweep.yaml", sweep.as_mapping() | {"run": about})
        if cluster.sentence:
            console.print(cluster.sentence, markup=False, highlight=False, soft_wrap=True)
        trackers = _trackers(run, sweep, console.print)
        listeners: list[Listener] = [Progress(run, console), *trackers]
        try:
            reason = drive(
                run,
                sweep,
                cluster,
                image_side_px=image_side_px,
                listeners=listeners,
                tell=console.print,
                give_up=partial(_give_up, directory, log, console),
                halted=halted,
            ).reason
        except KeyboardInterrupt:
            logger.warning("interrupted while Ray was starting or stopping")
        except Exception as error:
            logger.exception("the sweep stopped")
            with contextlib.suppress(OSError):
                write_results(directory)
            raise SweepFailedError(directory, error, log) from error
        write_results(directory)
        for tracker in trackers:
            tracker.conclude()
    if mirror:
        mirror.refuse_taken_over()
    return Finished(directory=directory, interrupted=reason == INTERRUPTED, reason=reason, metric=run.metric, log=log)


def _give_up(directory: Path, log: Path, console: Console, reason: str) -> NoReturn:
    """Ends this process, whose main thread waits for a part of Ray that has died and never answers."""
    logger.error("given up: %s", reason)
    error = WorkFailedError(f"{reason}, and the driver with it.")
    console.print(str(SweepFailedError(directory, error, log)), markup=False, highlight=False, soft_wrap=True)
    with contextlib.suppress(Exception):
        write_results(directory)
    os._exit(1)


def write_results(directory: Path) -> None:
    """Writes what follows from the journal: leaderboard.csv, best.yaml, report.html."""
    from search.report import write_report
    from search.results.export import write_best
    from search.results.leaderboard import leaderboard, write_csv

    write_csv(leaderboard(directory), directory / "leaderboard.csv")
    with contextlib.suppress(InputError):  # no trial has a value yet: then there is no best one
        write_best(directory, directory / "best.yaml")
    write_report(directory)


def _trackers(run: RunInfo, sweep: Sweep, tell: Callable[[str], None]) -> list[Tracking]:
    if sweep.tracking.wandb == "off":
        return []
    from search.tracking.listener import Tracking

    return [Tracking(run, sweep.tracking.wandb, tell=tell)]


def _refuse_other_data(directory: Path, *, recorded: str, found: str) -> None:
    if recorded != found:
        problem = Problem(
            path=("trial", "data"),
            rule="a run goes on with the data that it began with",
            given=f"fingerprint {found}, where {recorded} was recorded",
            remedy="bring the data back, or start a new run",
        )
        raise InputError([problem], str(directory / "sweep.yaml"))
