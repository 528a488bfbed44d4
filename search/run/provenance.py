"""The provenance of a run: its id, package versions, git commit and data."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from spaces.config.metric import Metric
from spaces.file.document import input_error, read_document
from spaces.problem import Problem, shown
from trainables.dataset import DataInfo

FORMAT = 1
"""Format of run directories; increased by a change that an older version would misread."""
PACKAGES = ("tunehound", "ray", "optuna", "tensorflow", "keras", "numpy", "wandb")


def provenance(name: str, data: DataInfo, *, by_hand: str | None) -> dict[str, Any]:
    """Return the section `run` of a new run's sweep.yaml.

    `class_counts` has the number of images per class, in the order of `class_names`; `skipped_images` how many
    were left out because they could not be read; `by_hand` what a person reached, if the head of the sweep file says.
    """
    return {
        "format": FORMAT,
        "id": secrets.token_hex(4),
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "git_commit": git_commit(),
        "data_fingerprint": data.fingerprint,
        "class_names": list(data.class_names),
        "class_counts": {part: list(counts) for part, counts in data.counts.items()},
        **({"skipped_images": len(data.skipped)} if data.skipped else {}),
        **({"by_hand": by_hand} if by_hand else {}),
    }


class About(BaseModel):
    """The parts of the section `run` of a run's sweep.yaml that are more than shown."""

    model_config = ConfigDict(strict=True, extra="ignore")

    versions: dict[str, Any] | None = None
    mirror: str | None = None


class Compared(BaseModel):
    """How the trials of a run are compared."""

    metric: Metric


class WithOrigin(BaseModel):
    """A sweep.yaml of which only the section `run` is needed."""

    model_config = ConfigDict(strict=True, extra="ignore")

    run: About | None = None


class AsRun(WithOrigin):
    """What every reader of a run needs of its sweep.yaml; `load_sweep` checks the rest where it is needed."""

    trial: dict[str, Any]
    search: Compared


def read_about(path: Path) -> dict[str, Any]:
    """Read the section `run` of a run's sweep.yaml. Raises: InputError, as `read_sweep`."""
    return _read(path, WithOrigin)[1]


def read_sweep(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a run's sweep.yaml: the sweep, and the section `run`.

    Raises:
        InputError: there is no such file, or it is not the sweep.yaml of a run.
    """
    return _read(path, AsRun)


def _read(path: Path, wanted: type[BaseModel]) -> tuple[dict[str, Any], dict[str, Any]]:
    document = read_document(path)
    try:
        wanted.model_validate(document.data)
    except ValidationError as error:
        raise input_error(document, [_fault(first) for first in error.errors(include_url=False)[:1]]) from error
    sweep = dict(document.data)
    return sweep, dict(sweep.pop("run", None) or {})


def _fault(error: ErrorDetails) -> Problem:
    rule, given = "the sweep.yaml of a run is as Tunehound wrote it", f"{error['msg']}: {shown(error['input'])}"
    remedy = "restore a copy of the file"
    return Problem(path=tuple(error["loc"]), rule=rule, given=given, remedy=remedy)


def versions() -> Mapping[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    return {"python": ".".join(map(str, sys.version_info[:3]))} | {package: version(package) for package in PACKAGES}


def git_commit() -> str | None:
    """Return the commit of the working directory, and whether it has changes; None outside a repository."""
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit} with uncommitted changes" if _git("status", "--porcelain") else commit
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    # The folder may be a stranger's, and its configuration may name a program that monitors the files.
    command = ["git", "-c", "core.fsmonitor=false", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
