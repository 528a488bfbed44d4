"""Find what the user means by RUN, by the best configuration of one, and by the model that was made of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from search.mirror.download import fetched
from search.mirror.uri import below, is_uri
from search.run.directory import BEST, RETRAINED
from search.run.journal import JOURNAL
from spaces.problem import InputError, Problem

LATEST = "latest"
DEFAULT_RUNS = Path("runs")
"""Where runs live that are mirrored."""


def find_run(
    given: str,
    runs: str | os.PathLike[str] = DEFAULT_RUNS,
    *,
    also: str = "",
    tell: Callable[[str], None] = lambda _: None,
) -> Path:
    """The folder of a run: a path, a name under ``runs``, or the one last begun; a mirrored one is fetched first.

    Args:
        given: what the user calls it, or the address of its mirror.
        runs: the folder that holds runs, or the address below which their mirrors lie.
        also: what else RUN could have been, for the message.
        tell: hears of what was fetched.

    Raises:
        InputError: there is no such run; the known ones are listed.
    """
    home = runs_folder(runs)
    if is_uri(given) or (is_uri(runs) and given != LATEST):
        return fetched(given if is_uri(given) else below(str(runs), given), home, tell=tell)
    return _found(given, home, also)


def runs_folder(runs: str | os.PathLike[str]) -> Path:
    """The folder for runs on this machine; where they are mirrored, one below the working directory."""
    return DEFAULT_RUNS if is_uri(runs) else Path(runs)


def find_best(given: str, runs: str | os.PathLike[str] = DEFAULT_RUNS) -> Path:
    """A configuration file, or the best.yaml of a run.

    Raises:
        InputError: there is neither, or the run has no best configuration yet.
    """
    if Path(given).is_file() or given.endswith((".yaml", ".yml")):
        return Path(given)  # a missing file is reported by whoever reads it
    directory = find_run(given, runs, also=", or a configuration file")
    if not (directory / BEST).is_file():
        rule = f"a run has its {BEST} once it has ended and a trial reported its metric"
        remedy = f"let it go on: tunehound resume {directory}"
        raise InputError([Problem(rule=rule, given="none yet", remedy=remedy)], str(directory))
    return directory / BEST


def find_retrained(given: str, runs: str | os.PathLike[str] = DEFAULT_RUNS) -> Path:
    """The folder that `retrain` filled: the one named, or that of a run.

    Raises:
        InputError: there is neither, or the run was not retrained yet.
    """
    try:
        directory = find_run(given, runs, also=", or a folder that `tunehound retrain` wrote")
    except InputError:
        if Path(given).is_dir():
            return Path(given)  # what it lacks is reported by whoever reads it
        raise
    if not (directory / RETRAINED).is_dir():
        rule, remedy = "a run has a model once its winner is retrained", f"tunehound retrain {directory}"
        raise InputError([Problem(rule=rule, given="none yet", remedy=remedy)], str(directory))
    return directory / RETRAINED


def run_around(folder: Path) -> Path | None:
    """The run in whose directory a folder lies; None where it lies in none."""
    parent = folder.absolute().parent
    return parent if (parent / JOURNAL).is_file() and (parent / "sweep.yaml").is_file() else None


def known_runs(runs: Path) -> list[Path]:
    """The runs in a folder, by name."""
    if not runs.is_dir():
        return []
    folders = (folder for folder in runs.iterdir() if not folder.name.startswith("."))  # which are about to become runs
    return sorted(folder for folder in folders if (folder / JOURNAL).is_file())


def _found(given: str, runs: Path, also: str) -> Path:
    known = known_runs(runs)
    if given == LATEST and known:
        return max(known, key=lambda run: (run / JOURNAL).stat().st_mtime)
    for folder in (Path(given), runs / given):
        if (folder / "sweep.yaml").is_file():
            return folder
    names = ", ".join(run.name for run in known) or "there are none"
    problem = Problem(
        rule=f"RUN is a run's folder, a name in the runs folder, the address of a mirrored one, or `latest`{also}",
        given=given,
        remedy=f"runs in {runs}: {names}",
    )
    raise InputError([problem], given)
