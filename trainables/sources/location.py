"""Where a data set is on disk: whether it exists, what lies in its folder, and whether it has changed."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spaces.config.fields import file_ref
from spaces.config.settings import Settings
from spaces.problem import Path as Where
from spaces.problem import Problem, nearest
from trainables.sources.image import is_hidden
from trainables.sources.part import DATA_PATH, first_few, input_error, problem

Stamp = tuple[tuple[str, int, int], ...]
"""Name, size in bytes and modification time in nanoseconds of every file. With permissions, it is the time of the last
change of those or of the content."""
DEEPEST = 100
"""Folders that lie deeper than this are reported rather than read."""
SPECIAL = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True)
class FolderTree:
    """A folder with all that lies in it, by name; hidden entries and what cannot be read are listed apart."""

    path: Path
    folders: tuple[FolderTree, ...] = ()
    files: tuple[Path, ...] = ()
    ignored: tuple[Path, ...] = ()
    """Hidden files and folders in this folder itself."""
    broken: tuple[str, ...] = ()
    """Entries of this folder itself that are neither files nor folders, each with the reason."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    def all(self) -> Iterator[FolderTree]:
        """Yield this folder and all below it."""
        yield self
        for folder in self.folders:
            yield from folder.all()

    def below(self) -> list[Path]:
        """Return the files in this folder and below it, in the order of their paths."""
        return sorted(file for folder in self.all() for file in folder.files)


def read_tree(path: Path, above: tuple[tuple[int, int], ...] = ()) -> FolderTree:
    """Read the names in a folder and below it, following links but not in circles; ``above`` identifies its parents."""
    try:
        status = path.stat()
        with os.scandir(path) as entries:
            found = sorted((Path(entry.path) for entry in entries), key=lambda each: each.name)
    except OSError as error:
        return FolderTree(path, broken=(f"{path} ({why_unusable(path, error)})",))
    chain = (*above, (status.st_dev, status.st_ino))
    shown = [each for each in found if not is_hidden(each)]
    kinds = {each: kind_of(each, chain) for each in shown}
    return FolderTree(
        path,
        folders=tuple(read_tree(each, chain) for each in shown if kinds[each] == "a folder"),
        files=tuple(each for each in shown if kinds[each] == "a file"),
        ignored=tuple(each for each in found if is_hidden(each)),
        broken=tuple(f"{each} ({kind})" for each, kind in kinds.items() if kind not in ("a file", "a folder")),
    )


def kind_of(path: Path, above: tuple[tuple[int, int], ...] = ()) -> str:
    """Return ``a file``, ``a folder``, or what else a path is, such as ``a pipe`` or a link that leads nowhere."""
    try:
        status = path.stat()
    except OSError as error:
        return why_unusable(path, error)
    if stat.S_ISDIR(status.st_mode):
        is_circle = (status.st_dev, status.st_ino) in above
        return "a link that leads in a circle" if is_circle else "a folder" if len(above) < DEEPEST else "lies too deep"
    return SPECIAL.get(stat.S_IFMT(status.st_mode), "a file")


def why_unusable(path: Path, error: OSError) -> str:
    """Return in a few words why the operating system refused a path."""
    if error.errno == errno.ELOOP:
        return "a link that leads in a circle"
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return f"a link to {path.readlink()}, which does not exist"
    if isinstance(error, PermissionError):
        return "not readable: its permissions, or those of a folder above it"
    return error.strerror or type(error).__name__


def broken_entries(tree: FolderTree) -> Iterator[Problem]:
    """Report links that lead nowhere or in circles, pipes, sockets, devices, and what may not be read."""
    broken = [entry for folder in tree.all() for entry in folder.broken]
    if broken:
        prefix = f"{tree.path}{os.sep}"
        given = first_few([entry.removeprefix(prefix) for entry in broken], limit=20)
        cure = "repair these entries, remove them, or move them out of the folder"
        yield problem("the data may hold only files and folders that can be read", given=given, remedy=cure)


def check_exists(named: str, *, folder: bool, where: Where = DATA_PATH) -> Path:
    """Return the file or folder with that name; ``where`` is the setting that names it.

    Raises:
        InputError: it does not exist, or it is a file instead of a folder, or the other way round.
    """
    path, kind = Path(named), "folder" if folder else "file"
    found = kind_of(path) if os.path.lexists(path) else None
    if found is None:
        siblings = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest(path.name, siblings)
        cure = "correct the path; a relative one starts from the folder of the sweep file"
        cure = f"did you mean {path.parent / near}?" if near else cure
        raise input_error(named, problem(f"there must be such a {kind}", given=named, remedy=cure, where=where))
    if found != f"a {kind}":
        rule, cure = f"the path must be that of a {kind}", "correct the path"
        raise input_error(named, problem(rule, given=f"{found}, {named}", remedy=cure, where=where))
    return path


def stamp(data: Settings, *, with_permissions: bool = False) -> Stamp:
    """Return the stamp of the files of ``data``, without reading them: the files are unchanged if it is.

    Files that may be unreadable are unchanged ``with_permissions``.
    """
    named = (getattr(data, name) for name, field in type(data).model_fields.items() if file_ref(field) is not None)
    return tuple(sorted(entry for path in named if path is not None for entry in files(Path(path), with_permissions)))


def files(
    path: Path, with_permissions: bool = False, above: tuple[tuple[int, int], ...] = ()
) -> Iterator[tuple[str, int, int]]:
    """Yield the stamp of a file, or of every file below a folder; of a link that leads nowhere, its own."""
    status = status_of(path)
    if status is None:
        return
    identity = status.st_dev, status.st_ino
    if not stat.S_ISDIR(status.st_mode) or identity in above or len(above) > DEEPEST:
        yield file_stamp(str(path), status, with_permissions)
        return
    with contextlib.suppress(OSError), os.scandir(path) as entries:  # what may not be read is reported by the source
        for entry in entries:
            if is_folder(entry):
                yield from files(Path(entry.path), with_permissions, (*above, identity))
            elif (found := status_of(entry)) is not None:
                yield file_stamp(entry.path, found, with_permissions)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one."""
    with contextlib.suppress(OSError):
        return entry.is_dir()
    return False


def status_of(path: Path | os.DirEntry[str]) -> os.stat_result | None:
    """Return the status of a path, of the link itself if it leads nowhere; None if there is nothing."""
    for follow in (True, False):
        with contextlib.suppress(OSError):
            return path.stat(follow_symlinks=follow)
    return None


def file_stamp(path: str, status: os.stat_result, with_permissions: bool = False) -> tuple[str, int, int]:
    """Return a file's name, size and time of the last change."""
    return path, status.st_size, status.st_ctime_ns if with_permissions else status.st_mtime_ns
