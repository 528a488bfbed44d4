"""Find the run that RUN names, its best configuration and its retrained model."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from search.mirror.download import download_run
from search.mirror.uri import below, is_uri
from search.run.directory import BEST, LATEST, RETRAINED
from search.run.journal import JOURNAL
from spaces.problem import InputError, Problem
from spaces.shell import command_line

DEFAULT_RUNS = Path("runs")
"""Where mirrored runs are kept on this machine."""


def find_run(
    given: str,
    runs: str | os.PathLike[str] = DEFAULT_RUNS,
    *,
    also: str = "",
    log: Callable[[str], None] = lambda _: None,
) -> Path:
    """Return the folder of a run, downloading it first if it is a mirrored one.

    Args:
        given: a path, a name in ``runs``, the URI of a mirror, or `latest` for the run with the newest entries.
        runs: the folder that holds runs, or the URI below which their mirrors are stored.
        also: what else RUN could be, for the error message.
        log: called with a message about what was downloaded.

    Raises:
        InputError: there is no such run; the message lists the known ones.
    """
    folder = runs_folder(runs)
    if is_uri(given) or (is_uri(runs) and given != LATEST):
        return download_run(given if is_uri(given) else below(str(runs), given), folder, message=log)
    return _find_local(given, folder, also)


def runs_folder(runs: str | os.PathLike[str]) -> Path:
    """Return the folder for runs on this machine; mirrored runs go to the default one."""
    return DEFAULT_RUNS if is_uri(runs) else Path(runs)


def find_best(given: str, runs: str | os.PathLike[str] = DEFAULT_RUNS) -> Path:
    """Return a configuration file, or the best.yaml of a run.

    Raises:
        InputError: there is no such file or run, or the run has no best configuration yet.
    """
    if Path(given).is_file() or given.endswith((".yaml", ".yml")):
        return Path(given)  # the caller reports a missing file
    directory = find_run(given, runs, also=", or a configuration file")
    if not (directory / BEST).is_file():
        rule = f"a run has a {BEST} once it has ended and at least one trial has reported the metric"
        remedy = f"continue it: {command_line('resume', directory)}"
        raise InputError([Problem(rule=rule, given="none yet", remedy=remedy)], str(directory))
    return directory / BEST


def find_retrained(given: str, runs: str | os.PathLike[str] = DEFAULT_RUNS) -> Path:
    """Return a folder written by `retrain`: the one named, or that of a run.

    Raises:
        InputError: there is no such folder or run, or the run has not been retrained yet.
    """
    try:
        directory = find_run(given, runs, also=", or a folder written by `tunehound retrain`")
    except InputError:
        if Path(given).is_dir():
            return Path(given)  # the caller reports what it lacks
        raise
    if not (directory / RETRAINED).is_dir():
        rule, remedy = "a run has a model once its winner has been retrained", command_line("retrain", directory)
        raise InputError([Problem(rule=rule, given="none yet", remedy=remedy)], str(directory))
    return directory / RETRAINED


def run_around(folder: Path) -> Path | None:
    """Return the run whose directory contains a folder; None if there is none."""
    parent = folder.absolute().parent
    return parent if (parent / JOURNAL).is_file() and (parent / "sweep.yaml").is_file() else None


def known_runs(runs: Path) -> list[Path]:
    """Return the runs in a folder, sorted by name."""
    if not runs.is_dir():
        return []
    folders = (folder for folder in runs.iterdir() if not folder.name.startswith("."))  # hidden: still being created
    return sorted(folder for folder in folders if (folder / JOURNAL).is_file())


def _find_local(given: str, runs: Path, also: str) -> Path:
    known = known_runs(runs)
    if given == LATEST and known:
        return max(known, key=lambda run: (run / JOURNAL).stat().st_mtime)
    for folder in (Path(given), runs / given):
        if (folder / "sweep.yaml").is_file():
            return folder
    names = ", ".join(run.name for run in known) or "none"
    problem = Problem(
        rule=f"RUN must be the folder or name of a run, the URI of its mirror, or `latest`{also}",
        given=given,
        remedy=f"runs in {runs}: {names}",
    )
    raise InputError([problem], given)
