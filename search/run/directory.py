"""The folder of a run: its name, its creation, its mirror."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.run.provenance import read_about
from spaces.file.write import write_yaml
from spaces.problem import InputError, Problem

BEST, RETRAINED = "best.yaml", "retrained"
"""The winner's configuration, and the folder of the model trained from it."""


def check_name(name: str, source: str) -> None:
    """Check the name of a run, which is also that of its folder.

    Raises:
        InputError: a run cannot have this name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        rule = "a run's name consists of letters, digits, dots, dashes and underscores"
        raise InputError([Problem(rule=rule, given=repr(name), remedy="choose another --name")], source)


def mirror_of(directory: Path) -> str | None:
    """Return where a run is mirrored; None if it is not."""
    mirror = read_about(directory / "sweep.yaml").get("mirror")
    return None if mirror is None else str(mirror)


def new_directory(runs: Path, name: str, sweep: Mapping[str, Any]) -> Path:
    """Create the folder of a new run with its sweep.yaml: both or neither.

    Raises:
        InputError: the name is invalid or taken.
    """
    check_name(name, "--name")
    if str(runs).partition("/")[0].endswith(":"):  # what `Path` makes of an address
        rule, remedy = "an address is given as text, with two slashes", "for example s3://my-bucket/runs"
        raise InputError([Problem(rule=rule, given=str(runs), remedy=remedy)], "--runs")
    directory, fresh = runs / name, runs / f".{name}.{secrets.token_hex(4)}"
    if directory.exists():
        remedy = f"continue it with `tunehound resume {directory}`, or choose another --name"
        problem = Problem(rule="a new run needs a new folder, and this one exists", remedy=remedy)
        raise InputError([problem], str(directory))
    fresh.mkdir(parents=True)
    try:
        write_yaml(fresh / "sweep.yaml", sweep)
        fresh.rename(directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return directory
