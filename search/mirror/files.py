"""Which files of a run are mirrored. Names that come from a store are held against this: none may lead elsewhere."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from search.run.journal import JOURNAL

_TRIAL = r"trials/\d+/(confirm/\d+/)?"
# Not W&B's own files, which `tunehound sync` does without; nor a checkpoint's predecessor, nor what `retrain` made.
_MIRRORED = re.compile(
    rf"sweep\.yaml|leaderboard\.csv|best\.yaml|report\.html|wandb/ledger\.jsonl|{re.escape(JOURNAL)}"
    rf"|{_TRIAL}(config\.yaml|history\.csv|error\.txt|checkpoint/state\.npz)",
    re.ASCII,
)
_HISTORY = re.compile(r"trials/(\d+)/history\.csv", re.ASCII)

Mark = tuple[int, int]
"""When a file was last written (ns), and its size (bytes)."""


def is_mirrored(name: str) -> bool:
    """Whether a file of this name (relative, with ``/``) belongs to what is mirrored of a run."""
    return _MIRRORED.fullmatch(name) is not None


def is_checkpoint(name: str) -> bool:
    """Whether it is the state of a trial, which goes with what the journal says."""
    return name.endswith(".npz")


def trial_of_history(name: str) -> int | None:
    """The trial whose epochs in the search the file has; None where it is another file."""
    found = _HISTORY.fullmatch(name)
    return int(found[1]) if found else None


def listed(directory: Path) -> dict[str, Mark]:
    """The files of a run that are mirrored and are there now; no links."""
    return {name: mark for name in _names(directory) if is_mirrored(name) and (mark := mark_of(directory / name))}


def mark_of(path: Path) -> Mark | None:
    """None where there is no such file."""
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
