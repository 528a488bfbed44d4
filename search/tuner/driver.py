"""Drive a run: the session around its trials, from the log file to the results."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from clusters.connection.address import ClusterChoice
from search.console.logs import log_file, quiet_environment, redirect_notebook, redirect_output
from search.console.startup import StartSteps
from search.disk import FULL, describe_full_disk
from search.live.progress import Progress
from search.run.reader import Run, open_begun, open_run
from search.tuner.stopping import INTERRUPTED
from spaces.file.sweep import Sweep
from spaces.file.write import write_yaml
from spaces.problem import InputError, WorkFailedError
from spaces.shell import command_line
from trainables.trust import trust_options

if TYPE_CHECKING:
    from rich.console import Console

    from search.mirror.mirror import Mirror

logger = logging.getLogger(__name__)


class SweepFailedError(WorkFailedError):
    """Something failed that is not the fault of a trial. Finished trials are kept."""

    def __init__(self, directory: Path, error: Exception, log: Path) -> None:
        super().__init__(
            f"The sweep stopped: {_what_failed(directory, error)}\n"
            f"Finished trials are kept. Details: {log}\n"
            f"Continue with: {command_line('resume', directory)}{trust_options()}"
        )


def _what_failed(directory: Path, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in FULL:
        return describe_full_disk(error, directory=directory)
    return str(error) if isinstance(error, WorkFailedError) else f"{type(error).__name__}: {error}"


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """How a session of a run ended."""

    directory: Path
    """As it was given, for commands that the user can type."""
    run: Run
    """The run at its end."""
    interrupted: bool
    """Whether it was asked to stop; it can be resumed."""
    reason: str | None
    """Why it ended before all its trials were done; None if they are."""
    log: Path
    """The output of Ray, TensorFlow and W&B."""


def drive(
    directory: Path,
    sweep: Sweep,
    about: Mapping[str, Any],
    cluster: ClusterChoice,
    *,
    image_side_px: int,
    mirror: Mirror | None,
    steps: StartSteps | None = None,
    changed: bool = False,
) -> RunResult:
    """Train the trials of the run in ``directory`` that are left, and write its results.

    Args:
        directory: of the run, which this process has locked.
        sweep: its sweep.
        about: the section `run` of its sweep.yaml.
        cluster: where it trains.
        image_side_px: of the data; see `clusters.slots`.
        mirror: of the run; None if it has none.
        steps: shows what is done before the first trial.
        changed: whether the sweep is not the one in the run's folder, and is written there.

    Raises:
        SweepFailedError: something failed that is not the fault of a trial.
        TakenOverError: another driver took the mirror.
    """
    quiet_environment()
    log = log_file(str(about["id"]))
    if steps:
        steps.end()  # on the stderr that is redirected next
    with (
        redirect_output(log) as console,
        redirect_notebook(log),
        steps or StartSteps(console) as steps,
        _upload(mirror, console) as should_stop,
    ):
        steps.move(console)
        if changed:
            write_yaml(directory / "sweep.yaml", sweep.as_mapping() | {"run": about})
        run = open_begun(directory) or Run.begin(directory, sweep.as_mapping(), about)
        if cluster.message:
            console.print(cluster.message, markup=False, highlight=False, soft_wrap=True)
        with _tracking(run.directory, sweep, console.print):
            train = partial(_train, run, sweep, cluster, console, steps)
            train = partial(train, image_side_px=image_side_px, should_stop=should_stop)
            reason = _reason(directory, log, partial(train, give_up=partial(_give_up, directory, log, console)))
            steps("Writing the results")
            ended = open_run(directory)
            write_results(ended)
    if mirror:
        mirror.check_not_taken_over()
    return RunResult(directory=directory, run=ended, interrupted=reason == INTERRUPTED, reason=reason, log=log)


def _train(
    run: Run,
    sweep: Sweep,
    cluster: ClusterChoice,
    console: Console,
    steps: StartSteps,
    *,
    image_side_px: int,
    should_stop: Callable[[], bool],
    give_up: Callable[[str], None],
) -> str | None:
    """Train with Ray, and return why that ended before all trials were done; None if they are."""
    steps("Importing Ray")
    from search.tuner.tuner import run_trials  # after the checks: this takes seconds

    steps(_starting(cluster))
    return run_trials(
        run,
        sweep,
        cluster,
        image_side_px=image_side_px,
        listeners=[Progress(run, console, steps=steps)],
        message=console.print,
        give_up=give_up,
        should_stop=should_stop,
    ).reason


def _starting(cluster: ClusterChoice) -> str:
    if cluster.connected:
        return "Starting the sweep in the Ray of this process"
    return f"Joining the Ray cluster at {cluster.address}" if cluster.address else "Starting Ray"


def _reason(directory: Path, log: Path, train: Callable[[], str | None]) -> str | None:
    """Return why the training ended; after a failure write the results first.

    Raises:
        SweepFailedError: as `drive`.
    """
    try:
        return train()
    except KeyboardInterrupt:
        logger.warning("interrupted while Ray was starting or stopping")
        return INTERRUPTED
    except Exception as error:
        logger.exception("the sweep stopped")
        with contextlib.suppress(OSError, InputError):  # the disk is full, or there is no record yet
            write_results(open_run(directory))
        raise SweepFailedError(directory, error, log) from error


def _upload(mirror: Mirror | None, console: Console) -> contextlib.AbstractContextManager[Callable[[], bool]]:
    """Keep the mirror up to date, if there is one; yields what returns whether the sweep must stop."""
    if mirror is None:
        return contextlib.nullcontext(lambda: False)
    return mirror.uploading(partial(console.print, soft_wrap=True))


def _give_up(directory: Path, log: Path, console: Console, reason: str) -> NoReturn:
    """End this process, whose main thread waits for a part of Ray that has died and will never answer."""
    logger.error("giving up: %s", reason)
    error = WorkFailedError(f"{reason}, and the driver with it.")
    console.print(str(SweepFailedError(directory, error, log)), markup=False, highlight=False, soft_wrap=True)
    console.show_cursor(True)  # that a spinner or the live view had hidden
    with contextlib.suppress(Exception):
        write_results(open_run(directory))
    os._exit(1)


def write_results(run: Run) -> None:
    """Write what follows from the journal: leaderboard.csv, best.yaml, report.html."""
    from search.report import write_report
    from search.results.export import write_best
    from search.results.leaderboard import leaderboard, write_csv

    write_csv(leaderboard(run), run.directory / "leaderboard.csv")
    with contextlib.suppress(InputError):  # no trial has a value yet: then there is no best one
        write_best(run, run.directory / "best.yaml")
    write_report(run)


def _tracking(
    directory: Path, sweep: Sweep, message: Callable[[str], None]
) -> contextlib.AbstractContextManager[object]:
    """Show the trials on W&B, if the sweep asks for it, until the results are written."""
    if sweep.tracking.wandb == "off":
        return contextlib.nullcontext()
    from search.tracking.tracker import WandbTracker

    return WandbTracker(directory, sweep.tracking.wandb, message=message)
