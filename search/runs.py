"""Find what the user means by RUN and BEST.yaml."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from search.candidates import is_unconfirmed
from search.journal import JOURNAL
from search.mirror.address import below, is_uri
from search.opened import open_begun
from search.space import key, untried
from search.study import was_lost
from spaces.document import read_yaml
from spaces.load import load_sweep
from spaces.problem import InputError, Problem
from spaces.write import write_yaml

LATEST = "latest"
HOME = Path("runs")
"""Where runs live that are mirrored."""


def find_run(given: str, runs: str | os.PathLike[str] = HOME, *, tell: Callable[[str], None] = lambda _: None) -> Path:
    """The folder of a run: a path, a name under ``runs``, or the one last begun; a mirrored one is fetched first.

    Args:
        given: what the user calls it, or the address of its mirror.
        runs: the folder that holds runs, or the address below which their mirrors lie.
        tell: hears of what was fetched.

    Raises:
        InputError: there is no such run; the known ones are listed.
    """
    home = home_of(runs)
    if is_uri(given) or (is_uri(runs) and given != LATEST):
        from search.mirror.fetch import fetched

        return fetched(given if is_uri(given) else below(str(runs), given), home, tell=tell)
    return _found(given, home)


def home_of(runs: str | os.PathLike[str]) -> Path:
    """The folder for runs on this machine; where they are mirrored, one below the working directory."""
    return HOME if is_uri(runs) else Path(runs)


def refuse_name(name: str, source: str) -> None:
    """Raises: InputError, where a run, and so its folder, cannot be called so."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        rule = "a run's name is made of letters, digits, dots, dashes and underscores"
        raise InputError([Problem(rule=rule, given=repr(name), remedy="choose another --name")], source)


def _found(given: str, runs: Path) -> Path:
    known = known_runs(runs)
    if given == LATEST and known:
        return max(known, key=lambda run: (run / JOURNAL).stat().st_mtime)
    for folder in (Path(given), runs / given):
        if (folder / "sweep.yaml").is_file():
            return folder
    names = ", ".join(run.name for run in known) or "there are none"
    problem = Problem(
        rule="RUN is a run's folder, the name of one under the runs folder, the address of a mirrored one, or `latest`",
        given=given,
        remedy=f"runs in {runs}: {names}",
    )
    raise InputError([problem], given)


def find_best(given: str, runs: str | os.PathLike[str]) -> Path:
    """A configuration file, or the best.yaml of a run.

    Raises:
        InputError: there is neither.
    """
    if Path(given).is_file() or given.endswith((".yaml", ".yml")):
        return Path(given)  # a missing file is reported by whoever reads it
    return find_run(given, runs) / "best.yaml"


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


def mirror_of(directory: Path) -> str | None:
    """Where a run is mirrored; None where it is not."""
    mirror = dict(read_yaml(directory / "sweep.yaml").get("run") or {}).get("mirror")
    return None if mirror is None else str(mirror)


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


def new_directory(runs: Path, name: str, sweep: Mapping[str, Any]) -> Path:
    """Makes the folder of a new run with its sweep.yaml, both or neither.

    Raises:
        InputError: the name is no folder name, or is taken.
    """
    refuse_name(name, "--name")
    if str(runs).partition("/")[0].endswith(":"):  # what `Path` makes of an address
        rule, remedy = "an address is given as text, with two slashes", "such as s3://my-bucket/runs"
        raise InputError([Problem(rule=rule, given=str(runs), remedy=remedy)], "--runs")
    directory, fresh = runs / name, runs / f".{name}.{secrets.token_hex(4)}"
    if directory.exists():
        remedy = f"continue it with `tunehound resume {directory}`, or choose another --name"
        problem = Problem(rule="a new run needs a folder of its own, and this one exists", remedy=remedy)
        raise InputError([problem], str(directory))
    fresh.mkdir(parents=True)
    try:
        write_yaml(fresh / "sweep.yaml", sweep)
        fresh.rename(directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return directory
