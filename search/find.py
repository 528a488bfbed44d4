"""Find what the user means by RUN and BEST.yaml."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from search.mirror.download import fetched
from search.mirror.uri import below, is_uri
from search.run.journal import JOURNAL
from spaces.problem import InputError, Problem

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
        return fetched(given if is_uri(given) else below(str(runs), given), home, tell=tell)
    return _found(given, home)


def home_of(runs: str | os.PathLike[str]) -> Path:
    """The folder for runs on this machine; where they are mirrored, one below the working directory."""
    return HOME if is_uri(runs) else Path(runs)


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
