"""Download a mirrored run; if it is on this machine already, the copy that is further ahead wins."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

from search.formatting import format_count
from search.mirror.files import is_mirrored
from search.mirror.store import Store, ask_store, open_store
from search.mirror.upload import AT_ONCE, AT_ONCE_BYTES
from search.mirror.uri import address_error, last
from search.run.compatibility import check_format
from search.run.directory import check_name
from search.run.journal import JOURNAL
from search.run.lock import RunLockedError, run_lock
from search.run.provenance import read_about
from spaces.file.document import read_yaml
from spaces.file.write import write_yaml
from spaces.problem import InputError, Problem

FETCH_S = 3600.0
"""How long a download may take."""
SWEEP = "sweep.yaml"


def download_run(uri: str, runs: Path, *, message: Callable[[str], None] = lambda _: None) -> Path:
    """Return the folder below ``runs`` of the run that is mirrored at ``uri``, brought up to date.

    Raises:
        InputError: there is no run, the folder holds another one, or the two have diverged.
    """
    store = open_store(uri, option=uri)
    check_name(last(store.uri), uri)
    directory = runs / last(store.uri)
    if directory.exists():
        try:
            with run_lock(directory):
                bring_up_to_date(store, directory, message=message)
                _note_mirror(directory, store.uri)
        except RunLockedError:  # on this machine, so the folder is up to date
            pass
        return directory
    with _temporary_folder(directory) as fresh:
        names = ask_store(store, lambda: _names(store))
        if SWEEP not in names:
            rule = "the address of a run must be a folder with a sweep.yaml"
            raise address_error(uri, rule, given=_some(names), remedy=_LOOK)
        ask_store(store, lambda: _download(store, names, fresh), within_s=FETCH_S)
        _about(fresh, store.uri)
        _note_mirror(fresh, store.uri)
        fresh.rename(directory)
    message(f"Downloaded {format_count(len(names), 'file')} from {store.uri} to {directory}.")
    return directory


def bring_up_to_date(store: Store, directory: Path, *, message: Callable[[str], None]) -> None:
    """Copy what the mirror has of a run and its folder lacks. This process must hold the folder's lock.

    Raises:
        InputError: it is another run, or the two have diverged.
    """
    names = ask_store(store, lambda: _names(store))
    if SWEEP not in names:
        return
    with _temporary_folder(directory) as fresh:
        first = {name: size for name, size in names.items() if name in (SWEEP, JOURNAL)}
        ask_store(store, lambda: _download(store, first, fresh), within_s=FETCH_S)
        there, here = _about(fresh, store.uri), _about(directory, str(directory))
        if there.get("id") != here.get("id"):
            raise _other_run(directory, store)
        theirs, ours = _whole_lines(fresh / JOURNAL), _whole_lines(directory / JOURNAL)
        if ours[: len(theirs)] == theirs:
            return
        if theirs[: len(ours)] != ours:
            raise _diverged(directory, store, theirs, ours)
        rest = {name: size for name, size in names.items() if name not in first}
        ask_store(store, lambda: _download(store, rest, fresh), within_s=FETCH_S)
        # In this order: `search.study.repair` handles files that are ahead of the journal.
        for name in [*rest, SWEEP, JOURNAL]:
            if (fresh / name).exists():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (fresh / name).replace(directory / name)
    message(f"Downloaded {format_count(len(names), 'file')} from {store.uri}, which was ahead of {directory}.")


def _names(store: Store) -> dict[str, int]:
    return {name: size for name, size in sorted(store.sizes().items()) if is_mirrored(name)}


def _download(store: Store, names: Mapping[str, int], folder: Path) -> None:
    # The journal first: files of a driver at work are then at least as new as it.
    for together in _in_parts({name: names[name] for name in sorted(names, key=lambda name: name != JOURNAL)}):
        for name, content in store.read_all(together).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)


def _in_parts(names: Mapping[str, int]) -> Iterator[list[str]]:
    together: list[str] = []
    size = 0
    for name, more in names.items():
        together.append(name)
        size += more
        if len(together) >= AT_ONCE or size > AT_ONCE_BYTES or name == JOURNAL:
            yield together
            together, size = [], 0
    yield together


@contextmanager
def _temporary_folder(directory: Path) -> Iterator[Path]:
    """Make a folder next to another one; remove it at the end unless it was renamed."""
    fresh = directory.parent / f".{directory.name}.{secrets.token_hex(4)}"
    fresh.mkdir(parents=True)
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _about(folder: Path, source: str) -> Mapping[str, Any]:
    about = read_about(folder / SWEEP)
    check_format(about, source)
    return about


def _note_mirror(directory: Path, uri: str) -> None:
    """Keep mirroring the run to where it was downloaded from."""
    sweep, about = read_yaml(directory / SWEEP), read_about(directory / SWEEP)
    if about.get("mirror") != uri:
        write_yaml(directory / SWEEP, sweep | {"run": {**about, "mirror": uri}})


def _whole_lines(journal: Path) -> list[bytes]:
    content = journal.read_bytes() if journal.exists() else b""
    return [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]


def _other_run(directory: Path, store: Store) -> InputError:
    rule = f"a run's folder must have the name of its mirror, but {directory} holds another run"
    remedy = "choose another folder for runs with --runs DIR, or move that run away"
    return InputError([Problem(rule=rule, remedy=remedy)], store.uri)


def _diverged(directory: Path, store: Store, theirs: list[bytes], ours: list[bytes]) -> InputError:
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(theirs, ours, strict=False)))
    rule = f"a run and its mirror must have the same history, but they diverged after {format_count(common, 'record')}"
    given = f"{len(theirs) - common} more records in the mirror, {len(ours) - common} more in {directory}"
    remedy = f"move {directory} away to continue from the mirror, or remove the line `mirror` from its sweep.yaml"
    return InputError([Problem(rule=rule, given=given, remedy=remedy)], store.uri)


_LOOK = "check the address: a run is in a folder of its name, below the address given to `run --runs`"


def _some(names: Mapping[str, int]) -> str:
    return ", ".join(list(names)[:3]) or "an empty folder"
