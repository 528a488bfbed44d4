"""A folder in an object store, such as ``s3://bucket/runs``, and the few operations on it."""

from __future__ import annotations

import posixpath
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from search.mirror.uri import address_error, split
from spaces.problem import InputError, Problem, nearest

ANSWER_S = 60.0
"""How long a store may take to respond before a sweep starts."""
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"""The extra of this package that a protocol needs."""
S3: Mapping[str, Any] = {
    "max_concurrency": 1,  # otherwise every read requests the size of the file first
    "config_kwargs": {"connect_timeout": 10, "read_timeout": 20, "retries": {"max_attempts": 1}},  # s3fs retries
}
TEMPORARY = ".tmp"
"""The suffix of a file that is being written; one whose writer died may remain."""
OPTIONS: Mapping[str, Mapping[str, Any]] = {"s3": S3, "s3a": S3, "file": {"auto_mkdir": True}}

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Store:
    """A folder in a store. Failures raise the exceptions of the store's own library."""

    uri: str
    """Without a trailing slash."""
    filesystem: Any
    """The fsspec file system."""
    root: str
    """The path of the folder in it."""

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none."""
        try:
            return bytes(self.filesystem.cat_file(self._path(name)))
        except FileNotFoundError:
            return None

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the contents of the files that exist, read several at a time."""
        paths = {self._path(name): name for name in names}
        found = self.filesystem.cat(list(paths), on_error="return") if paths else {}
        for content in found.values():
            if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                raise content
        return {paths[path]: content for path, content in found.items() if isinstance(content, bytes)}

    def write_all(self, contents: Mapping[str, bytes]) -> None:
        """Write files, several at a time, each atomically."""
        if isinstance(self.filesystem, LocalFileSystem):
            for name, content in contents.items():
                self._replace(self._path(name), content)
        elif contents:
            self.filesystem.pipe({self._path(name): content for name, content in contents.items()})

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless it exists; return whether it was written. On S3 and GCS this is atomic."""
        try:
            self.filesystem.pipe_file(self._path(name), content, mode="create")
        except FileExistsError:
            return False
        except (NotImplementedError, TypeError, ValueError):  # the store's library does not support it
            if self.read(name) is not None:
                return False
            self.write_all({name: content})
        return True

    def sizes(self) -> dict[str, int]:
        """Return the size of every file by name, without half-written ones; empty if there is no such folder."""
        try:
            found = self.filesystem.find(self.root, detail=True)
        except FileNotFoundError:
            return {}
        whole = {path: info for path, info in found.items() if not path.endswith(TEMPORARY)}
        return {path[len(self.root) :].lstrip("/"): int(info.get("size") or 0) for path, info in whole.items()}

    def remove(self, names: Iterable[str]) -> None:
        """Delete files, if they still exist."""
        paths = [self._path(name) for name in names]
        if paths:
            with suppress(FileNotFoundError):
                self.filesystem.rm(paths)

    def _path(self, name: str) -> str:
        return posixpath.join(self.root, name)

    def _replace(self, path: str, content: bytes) -> None:
        temporary = posixpath.join(posixpath.dirname(path), f".{secrets.token_hex(4)}{TEMPORARY}")
        self.filesystem.pipe_file(temporary, content)
        self.filesystem.mv(temporary, path)


def open_store(uri: str, *, option: str) -> Store:
    """Return the folder at an address, without any request. Keys come from where the store's own tools find them.

    Args:
        uri: ``PROTOCOL://BUCKET/PATH``.
        option: what the user gave it as, for the error.

    Raises:
        InputError: the address is malformed, or the package for its protocol is not installed.
    """
    protocol, rest = split(uri, option=option)
    whole, options = f"{protocol}://{rest}", OPTIONS.get(protocol, {})
    try:
        filesystem, root = url_to_fs(whole, use_listings_cache=False, skip_instance_cache=True, **options)
    except ImportError as error:
        remedy = f"pip install 'tunehound[{EXTRAS[protocol]}]'" if protocol in EXTRAS else str(error)
        raise address_error(option, f"{protocol}:// needs another package", given=uri, remedy=remedy) from error
    except ValueError as error:
        known = nearest(protocol, ["s3", "gs", "abfs", "file"])
        remedy = f"did you mean {known}://?" if known else "use s3://, gs:// or another protocol of fsspec"
        raise address_error(
            option, f"fsspec does not know the protocol {protocol}://", given=uri, remedy=remedy
        ) from error
    return Store(whole, filesystem, root.rstrip("/"))


def ask_store(store: Store, ask: Callable[[], Answer], *, within_s: float = ANSWER_S) -> Answer:
    """Return what a store answers, before anything is started.

    Raises:
        InputError: it reports an error or does not respond.
    """
    answer: list[Answer] = []
    errors: list[Exception] = []

    def try_it() -> None:
        try:
            answer.append(ask())
        except Exception as error:  # every store has its own exceptions
            errors.append(error)

    asking = threading.Thread(target=try_it, daemon=True)
    asking.start()
    asking.join(within_s)
    if answer:
        return answer[0]
    if errors and isinstance(errors[0], InputError):
        raise errors[0]
    given = format_error(errors[0]) if errors else f"no answer within {within_s:g} s"
    rule = "the mirror of a run must exist and be readable and writable"
    remedy = "fix this first, or remove the line `mirror` from sweep.yaml to continue without a mirror"
    raise InputError([Problem(rule=rule, given=given, remedy=remedy)], store.uri) from (errors[0] if errors else None)


def format_error(error: BaseException) -> str:
    """Return an error in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
