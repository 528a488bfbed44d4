"""Which files of a run are mirrored. Names that come from a store are checked here: none may lead elsewhere."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from search.run.journal import JOURNAL

_TRIAL = r"trials/\d+/(confirm/\d+/)?"
# Not W&B's files, which `tunehound sync` does not need; nor older checkpoints, nor the output of `retrain`.
_MIRRORED = re.compile(
    rf"sweep\.yaml|leaderboard\.csv|best\.yaml|report\.html|wandb/ledger\.jsonl|{re.escape(JOURNAL)}"
    rf"|{_TRIAL}(config\.yaml|history\.csv|error\.txt|checkpoint/state\.npz)",
    re.ASCII,
)
_HISTORY = re.compile(r"trials/(\d+)/history\.csv", re.ASCII)

Mark = tuple[int, int]
"""Time of the last write (ns) and size (bytes) of a file."""


def is_mirrored(name: str) -> bool:
    """Return whether a file of this name (relative, with ``/``) is mirrored."""
    return _MIRRORED.fullmatch(name) is not None


def is_checkpoint(name: str) -> bool:
    """Return whether it is the state of a trial, which must match the journal."""
    return name.endswith(".npz")


def trial_of_history(name: str) -> int | None:
    """Return the trial whose history this is; None for other files."""
    found = _HISTORY.fullmatch(name)
    return int(found[1]) if found else None


def mirrored_files(directory: Path) -> dict[str, Mark]:
    """Return the files of a run that exist and are mirrored, without links."""
    return {name: mark for name in _names(directory) if is_mirrored(name) and (mark := mark_of(directory / name))}


def mark_of(path: Path) -> Mark | None:
    """Return time and size of a file; None if there is no regular file."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size) if stat.S_ISREG(status.st_mode) else None


def _names(directory: Path) -> list[str]:
    names = [entry.name for entry in os.scandir(directory) if entry.is_file(follow_symlinks=False)]
    for below in ("trials", "wandb"):
        for folder, folders, files in os.walk(directory / below):
            if below == "wandb":
                folders.clear()
            inside = Path(folder).relative_to(directory).as_posix()
            names += [f"{inside}/{file}" for file in files]
    return names
