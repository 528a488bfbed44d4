"""Where copies of runs lie: an address such as ``s3://bucket/runs``, and the few things that are done there."""

from __future__ import annotations

import posixpath
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from search.mirror.uri import split, wrong
from spaces.problem import InputError, Problem, nearest

ANSWER_S = 60.0
"""How long a store is waited for before a sweep starts."""
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"""What of ours is to be installed for a protocol."""
S3: Mapping[str, Any] = {
    "max_concurrency": 1,  # else every reading of a file asks for its size first
    "config_kwargs": {"connect_timeout": 10, "read_timeout": 20, "retries": {"max_attempts": 1}},  # s3fs tries again
}
TEMPORARY = ".tmp"
"""How the name of a file ends that is being written to a file system; one that lost its folder meanwhile may stay."""
OPTIONS: Mapping[str, Mapping[str, Any]] = {"s3": S3, "s3a": S3, "file": {"auto_mkdir": True}}

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Place:
    """A folder of a store. Whatever fails there raises what the store's own library raises."""

    uri: str
    """Without a slash at its end."""
    store: Any
    """The file system, as fsspec has it."""
    root: str
    """What the store calls the folder."""

    def read(self, name: str) -> bytes | None:
        """A file; None where there is none."""
        try:
            return bytes(self.store.cat_file(self._path(name)))
        except FileNotFoundError:
            return None

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """Files that are there, several at a time."""
        paths = {self._path(name): name for name in names}
        found = self.store.cat(list(paths), on_error="return") if paths else {}
        for content in found.values():
            if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                raise content
        return {paths[path]: content for path, content in found.items() if isinstance(content, bytes)}

    def write_all(self, contents: Mapping[str, bytes]) -> None:
        """Writes files, several at a time, each whole or not at all."""
        if isinstance(self.store, LocalFileSystem):
            for name, content in contents.items():
                self._replace(self._path(name), content)
        elif contents:
            self.store.pipe({self._path(name): content for name, content in contents.items()})

    def create(self, name: str, content: bytes) -> bool:
        """Writes a file unless it is there; whether it was not. At S3 and GCS, of two who try at once one succeeds."""
        try:
            self.store.pipe_file(self._path(name), content, mode="create")
        except FileExistsError:
            return False
        except (NotImplementedError, TypeError, ValueError):  # the store's library knows no such thing
            if self.read(name) is not None:
                return False
            self.write_all({name: content})
        return True

    def sizes(self) -> dict[str, int]:
        """The bytes of every file below, by name, half-written ones left out; none where there is no such folder."""
        try:
            found = self.store.find(self.root, detail=True)
        except FileNotFoundError:
            return {}
        whole = {path: info for path, info in found.items() if not path.endswith(TEMPORARY)}
        return {path[len(self.root) :].lstrip("/"): int(info.get("size") or 0) for path, info in whole.items()}

    def remove(self, names: Iterable[str]) -> None:
        """Deletes files; those that are not there any more are no matter."""
        paths = [self._path(name) for name in names]
        if paths:
            with suppress(FileNotFoundError):
                self.store.rm(paths)

    def _path(self, name: str) -> str:
        return posixpath.join(self.root, name)

    def _replace(self, path: str, content: bytes) -> None:
        temporary = posixpath.join(posixpath.dirname(path), f".{secrets.token_hex(4)}{TEMPORARY}")
        self.store.pipe_file(temporary, content)
        self.store.mv(temporary, path)


def place_of(uri: str, *, option: str) -> Place:
    """The place at an address. Nothing is asked of the store yet; its keys come from where its own tools find them.

    Args:
        uri: ``PROTOCOL://BUCKET/PATH``.
        option: what the user gave it as, for the error.

    Raises:
        InputError: it is no such address, or what its protocol needs is not installed.
    """
    protocol, rest = split(uri, option=option)
    whole, options = f"{protocol}://{rest}", OPTIONS.get(protocol, {})
    try:
        store = fsspec.filesystem(protocol, use_listings_cache=False, skip_instance_cache=True, **options)
    except ImportError as error:
        remedy = f"pip install 'tunehound[{EXTRAS[protocol]}]'" if protocol in EXTRAS else str(error)
        raise wrong(option, f"{protocol}:// needs a package of its own", given=uri, remedy=remedy) from error
    except ValueError as error:
        known = nearest(protocol, ["s3", "gs", "abfs", "file"])
        remedy = f"did you mean {known}://?" if known else "use s3:// or gs://, or another one that fsspec knows"
        raise wrong(option, f"{protocol}:// is no protocol that fsspec knows", given=uri, remedy=remedy) from error
    return Place(whole, store, str(store._strip_protocol(whole)).rstrip("/"))


def answered(place: Place, ask: Callable[[], Answer], *, within_s: float = ANSWER_S) -> Answer:
    """What a store answers, before anything was started.

    Raises:
        InputError: it does not let itself be asked, or does not answer at all.
    """
    answer: list[Answer] = []
    errors: list[Exception] = []

    def try_it() -> None:
        try:
            answer.append(ask())
        except Exception as error:  # every store has errors of its own
            errors.append(error)

    asking = threading.Thread(target=try_it, daemon=True)
    asking.start()
    asking.join(within_s)
    if answer:
        return answer[0]
    if errors and isinstance(errors[0], InputError):
        raise errors[0]
    given = why(errors[0]) if errors else f"no answer within {within_s:g} s"
    rule = "the place of a run's mirror must exist, and let itself be read and written"
    remedy = "mend that first; a run whose sweep.yaml has no line `mirror` goes on without one"
    raise InputError([Problem(rule=rule, given=given, remedy=remedy)], place.uri) from (errors[0] if errors else None)


def why(error: BaseException) -> str:
    """An error in a line."""
    told = " ".join(str(error).split())
    return f"{type(error).__name__}: {told}" if told else type(error).__name__
