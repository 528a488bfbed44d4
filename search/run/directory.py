"""The folder of a run: its name, its creation, its mirror."""

from __future__ import annotations

import errno
import itertools
import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from spaces.file.document import read_yaml
from spaces.file.write import write_yaml
from spaces.problem import InputError, Problem
from spaces.shell import command_line

BEST, RETRAINED = "best.yaml", "retrained"
"""The winner's configuration, and the folder of the model trained from it."""


LATEST = "latest"
"""What stands for the run with the newest entries, so no run has this name."""
LONGEST_NAME = 100
"""Characters; a folder's name may have 255 bytes, and others add to it."""
DEFAULT_STEM = "sweep"
"""The start of a run's name if nothing is left of its sweep's."""


class NameTakenError(InputError):
    """There is a run of this name already."""


def default_names(sweep: str, began: datetime) -> Iterator[str]:
    """Yield names for a run of this sweep, the preferred one first: ``my-photos-20261130-120000``.

    Accents are dropped, and what a name may not hold is replaced by dashes.
    """
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", sweep) if not unicodedata.combining(letter))
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("._-")[:LONGEST_NAME].rstrip("._-") or DEFAULT_STEM
    name = f"{stem}-{began:%Y%m%d-%H%M%S}"
    yield name
    for number in itertools.count(2):
        yield f"{name}-{number}"


def check_name(name: str, source: str) -> None:
    """Check the name of a run, which is also that of its folder.

    Raises:
        InputError: a run cannot have this name.
    """
    rule = None
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        rule = "a run's name consists of letters, digits, dots, dashes and underscores, the first two at its start"
    elif name == LATEST:
        rule = f"`{LATEST}` stands for the newest run, so no run has this name"
    elif len(name) > 2 * LONGEST_NAME:
        rule = f"a run's name has {2 * LONGEST_NAME} characters at most"
    if rule:
        raise InputError([Problem(rule=rule, given=repr(name), remedy="choose another --name")], source)


def mirror_of(directory: Path) -> str | None:
    """Return where a run is mirrored; None if it is not."""
    mirror = dict(read_yaml(directory / "sweep.yaml").get("run") or {}).get("mirror")
    return None if mirror is None else str(mirror)


def new_directory(runs: Path, name: str, sweep: Mapping[str, Any]) -> Path:
    """Create the folder of a new run with its sweep.yaml: both or neither.

    Raises:
        InputError: the name is invalid.
        NameTakenError: it is taken.
    """
    check_name(name, "--name")
    if str(runs).partition("/")[0].endswith(":"):  # what `Path` makes of an address
        rule, remedy = "an address is given as text, with two slashes", "for example s3://my-bucket/runs"
        raise InputError([Problem(rule=rule, given=str(runs), remedy=remedy)], "--runs")
    directory, fresh = runs / name, runs / f".{name}.{secrets.token_hex(4)}"
    if directory.exists():
        raise _taken(directory)
    fresh.mkdir(parents=True)
    try:
        write_yaml(fresh / "sweep.yaml", sweep)
        fresh.rename(directory)  # fails if another process did so meanwhile: a folder is replaced only if it is empty
    except OSError as error:
        raise (_taken(directory) if error.errno in (errno.ENOTEMPTY, errno.EEXIST) else error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return directory


def _taken(directory: Path) -> NameTakenError:
    remedy = f"continue it with `{command_line('resume', directory)}`, or choose another --name"
    return NameTakenError(
        [Problem(rule="a new run needs a new folder, and this one exists", remedy=remedy)], str(directory)
    )
