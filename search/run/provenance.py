"""Where a run comes from: its id, the versions and the commit it ran with, the data it saw."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from trainables.dataset import DataInfo

FORMAT = 1
"""Of run directories; a change that an older version would misread makes it one more."""
PACKAGES = ("tunehound", "ray", "optuna", "tensorflow", "keras", "numpy", "wandb")


def provenance(name: str, data: DataInfo, *, by_hand: str | None) -> dict[str, Any]:
    """The `run` section of a run's sweep.yaml. `class_counts` has the images a class, in the order of `class_names`;
    `by_hand`, where the sweep file's head says it, what a person reached."""
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
        **({"by_hand": by_hand} if by_hand else {}),
    }


def versions() -> Mapping[str, str]:
    """Of Python and of the packages that results depend on."""
    return {"python": ".".join(map(str, sys.version_info[:3]))} | {package: version(package) for package in PACKAGES}


def git_commit() -> str | None:
    """The commit of the working directory, marked where there are uncommitted changes; None outside a repository."""
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit} with uncommitted changes" if _git("status", "--porcelain") else commit
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    # The folder may be a stranger's, and so may the program that its configuration names as a monitor of its files.
    command = ["git", "-c", "core.fsmonitor=false", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
