"""The folder of a run: how it may be called, made whole or not at all, where its mirror is."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spaces.file.document import read_yaml
from spaces.file.write import write_yaml
from spaces.problem import InputError, Problem


def refuse_name(name: str, source: str) -> None:
    """Raises: InputError, where a run, and so its folder, cannot be called so."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        rule = "a run's name is made of letters, digits, dots, dashes and underscores"
        raise InputError([Problem(rule=rule, given=repr(name), remedy="choose another --name")], source)


def mirror_of(directory: Path) -> str | None:
    """Where a run is mirrored; None where it is not."""
    mirror = dict(read_yaml(directory / "sweep.yaml").get("run") or {}).get("mirror")
    return None if mirror is None else str(mirror)


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
