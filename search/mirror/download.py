"""Brings a mirrored run to this machine; where it is here already, whichever of the two went further is taken."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

from search.formatting import counted
from search.mirror.files import is_mirrored
from search.mirror.store import Place, answered, place_of
from search.mirror.upload import AT_ONCE, AT_ONCE_BYTES
from search.mirror.uri import last, wrong
from search.run.compatibility import refuse_unknown
from search.run.directory import refuse_name
from search.run.journal import JOURNAL
from search.run.lock import BeingDrivenError, driving
from spaces.file.document import read_yaml
from spaces.file.write import write_yaml
from spaces.problem import InputError, Problem

FETCH_S = 3600.0
"""How long fetching a run may take."""
SWEEP = "sweep.yaml"


def fetched(uri: str, runs: Path, *, tell: Callable[[str], None] = lambda _: None) -> Path:
    """The folder below ``runs`` of the run that is mirrored at ``uri``, as far as either of them is.

    Raises:
        InputError: there is no run, another one has the folder of that name, or the two went different ways.
    """
    place = place_of(uri, option=uri)
    refuse_name(last(place.uri), uri)
    directory = runs / last(place.uri)
    if directory.exists():
        try:
            with driving(directory):
                bring_up_to_date(place, directory, tell=tell)
                _note_mirror(directory, place.uri)
        except BeingDrivenError:  # by this machine, so that nothing newer lies anywhere
            pass
        return directory
    with _beside(directory) as fresh:
        names = answered(place, lambda: _names(place))
        if SWEEP not in names:
            raise wrong(uri, "RUN is the address of a run, which holds sweep.yaml", given=_told(names), remedy=_LOOK)
        answered(place, lambda: _download(place, names, fresh), within_s=FETCH_S)
        _about(fresh, place.uri)
        _note_mirror(fresh, place.uri)
        fresh.rename(directory)
    tell(f"Fetched {counted(len(names), 'file')} from {place.uri} to {directory}.")
    return directory


def bring_up_to_date(place: Place, directory: Path, *, tell: Callable[[str], None]) -> None:
    """Takes over what the mirror has of a run beyond what its folder here has. This process holds the folder's lock.

    Raises:
        InputError: another run lies there, or the two went different ways.
    """
    names = answered(place, lambda: _names(place))
    if SWEEP not in names:
        return
    with _beside(directory) as fresh:
        first = {name: size for name, size in names.items() if name in (SWEEP, JOURNAL)}
        answered(place, lambda: _download(place, first, fresh), within_s=FETCH_S)
        there, here = _about(fresh, place.uri), _about(directory, str(directory))
        if there.get("id") != here.get("id"):
            raise _other_run(directory, place)
        theirs, ours = _whole_lines(fresh / JOURNAL), _whole_lines(directory / JOURNAL)
        if ours[: len(theirs)] == theirs:
            return
        if theirs[: len(ours)] != ours:
            raise _parted(directory, place, theirs, ours)
        rest = {name: size for name, size in names.items() if name not in first}
        answered(place, lambda: _download(place, rest, fresh), within_s=FETCH_S)
        for name in [*rest, SWEEP, JOURNAL]:  # in this order: `search.study.repair` mends what is ahead of the journal
            if (fresh / name).exists():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (fresh / name).replace(directory / name)
    tell(f"Fetched {counted(len(names), 'file')} from {place.uri}, where the run went further than in {directory}.")


def _names(place: Place) -> dict[str, int]:
    return {name: size for name, size in sorted(place.sizes().items()) if is_mirrored(name)}


def _download(place: Place, names: Mapping[str, int], folder: Path) -> None:
    # The journal first: a driver at work only adds to what the others then have at least.
    for together in _in_parts({name: names[name] for name in sorted(names, key=lambda name: name != JOURNAL)}):
        for name, content in place.read_all(together).items():
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
def _beside(directory: Path) -> Iterator[Path]:
    """A folder beside another one, gone at the end unless it was given another name."""
    fresh = directory.parent / f".{directory.name}.{secrets.token_hex(4)}"
    fresh.mkdir(parents=True)
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _about(folder: Path, source: str) -> Mapping[str, Any]:
    about = read_yaml(folder / SWEEP).get("run")
    about = about if isinstance(about, Mapping) else {}
    refuse_unknown(about, source)
    return about


def _note_mirror(directory: Path, uri: str) -> None:
    """Lets the run go on being mirrored where it was fetched from."""
    sweep = dict(read_yaml(directory / SWEEP))
    if sweep["run"].get("mirror") != uri:
        write_yaml(directory / SWEEP, sweep | {"run": {**sweep["run"], "mirror": uri}})


def _whole_lines(journal: Path) -> list[bytes]:
    content = journal.read_bytes() if journal.exists() else b""
    return [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]


def _other_run(directory: Path, place: Place) -> InputError:
    rule = f"a run's folder bears the name that the run has in its mirror, and another run lies in {directory}"
    remedy = "name another folder for the runs on this machine, with --runs DIR; or move that run away"
    return InputError([Problem(rule=rule, remedy=remedy)], place.uri)


def _parted(directory: Path, place: Place, theirs: list[bytes], ours: list[bytes]) -> InputError:
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(theirs, ours, strict=False)))
    rule = f"a run and its mirror have one past, and these went different ways after {counted(common, 'record')}"
    given = f"{len(theirs) - common} more there, {len(ours) - common} more in {directory}"
    remedy = f"move {directory} away to go on with what is there; or take the line `mirror` out of its sweep.yaml"
    return InputError([Problem(rule=rule, given=given, remedy=remedy)], place.uri)


_LOOK = "see what is there; a run lies at the address that `run --runs` was given, below it under its name"


def _told(names: Mapping[str, int]) -> str:
    return ", ".join(list(names)[:3]) or "nothing there"
