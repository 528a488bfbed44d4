"""The folder for what can be regenerated on this machine: decoded data, logs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

PLACES = ("$TUNEHOUND_CACHE", "$XDG_CACHE_HOME/tunehound", "~/.cache/tunehound")
"""The candidates, for finding the folder on another machine: the first whose variable is set."""


def cache_home() -> Path:
    """Return ``TUNEHOUND_CACHE``, else ``tunehound`` in ``XDG_CACHE_HOME`` or ``~/.cache``; create it if needed.

    If it is not writable (a read-only home, or none), return a folder of this user among the temporary files.
    """
    named = os.environ.get("TUNEHOUND_CACHE")
    usual = expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "tunehound"
    folder = expanded(named) if named else usual
    return folder if _usable(folder) else _temporary()


def keep_cache() -> None:
    """Settle where the cache is, for this process and those that it starts in other folders.

    Call this before the folder of temporary files changes: if the cache is there, it must outlast this process.
    """
    named = os.environ.get("TUNEHOUND_CACHE") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    if not expanded(named).is_absolute() or not _creatable(expanded(named)):
        os.environ["TUNEHOUND_CACHE"] = str(cache_home().absolute())


def home() -> Path:
    """Return the user's home folder, which may not exist; the root folder if the user has none, as in a container."""
    folder = Path(os.path.expanduser("~"))  # noqa: PTH111  # `Path.home` fails without a home
    return folder if folder.is_absolute() else Path("/")


def expanded(folder: str) -> Path:
    """Return a folder with a leading ``~`` replaced by the home folder."""
    first, *others = Path(folder).parts or (".",)
    return home().joinpath(*others) if first == "~" else Path(folder)


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _creatable(folder: Path) -> bool:
    """Whether a folder is there and writable, or could be created."""
    nearest = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _temporary() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"tunehound-{user}"
    # A folder with this name may belong to another user, who would then control what we read.
    if _usable(folder) and (not hasattr(os, "getuid") or folder.lstat().st_uid == user):
        return folder
    return Path(tempfile.mkdtemp(prefix="tunehound-"))
