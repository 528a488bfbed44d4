"""Find what the user means by RUN and BEST.yaml."""

from __future__ import annotations

from pathlib import Path

from search.candidates import is_unconfirmed
from search.journal import JOURNAL
from search.opened import open_begun
from search.space import key, untried
from search.study import was_lost
from spaces.load import load_sweep
from spaces.problem import InputError, Problem

LATEST = "latest"


def find_run(given: str, runs: Path) -> Path:
    """The folder of a run: a path, a name under ``runs``, or the one last begun.

    Raises:
        InputError: there is no such run; the known ones are listed.
    """
    known = known_runs(runs)
    if given == LATEST and known:
        return max(known, key=lambda run: (run / JOURNAL).stat().st_mtime)
    for folder in (Path(given), runs / given):
        if (folder / "sweep.yaml").is_file():
            return folder
    names = ", ".join(run.name for run in known) or "there are none"
    problem = Problem(
        rule="RUN is a run's folder, the name of one under the runs folder, or `latest`",
        given=given,
        remedy=f"runs in {runs}: {names}",
    )
    raise InputError([problem], given)


def find_best(given: str, runs: Path) -> Path:
    """A configuration file, or the best.yaml of a run.

    Raises:
        InputError: there is neither.
    """
    if Path(given).is_file() or given.endswith((".yaml", ".yml")):
        return Path(given)  # a missing file is reported by whoever reads it
    return find_run(given, runs) / "best.yaml"


def known_runs(runs: Path) -> list[Path]:
    """The runs in a folder, by name."""
    if not runs.is_dir():
        return []
    return sorted(folder for folder in runs.iterdir() if (folder / JOURNAL).is_file())


def unfinished(directory: Path) -> bool:
    """Whether a run has trials to continue, something left to try, or to confirm.

    Raises:
        InputError: the run cannot be read.
    """
    run = open_begun(directory)
    if run is None:
        return True
    if any(not trial.state.is_finished() for trial in run.trials):
        return True
    sweep = load_sweep(directory / "sweep.yaml", check_files=False)
    if sweep.confirm and is_unconfirmed(run, sweep.confirm):
        return True
    if len(run.trials) >= sweep.search.trials:
        return False
    tried = {key(trial.params) for trial in run.trials if not was_lost(trial)}
    return untried(sweep, tried) != []
