"""Addresses of stores, such as ``s3://bucket/runs``, as text. Nothing is asked of a store here."""

from __future__ import annotations

import re

from spaces.problem import InputError, Problem


def is_uri(given: object) -> bool:
    """Whether a store is meant, not a folder of this machine."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", str(given)) is not None


def below(uri: str, name: str) -> str:
    """The address of a folder's entry."""
    return f"{uri.rstrip('/')}/{name}"


def last(uri: str) -> str:
    """What the folder at an address is called."""
    return uri.rstrip("/").rsplit("/", 1)[-1]


def split(uri: str, *, option: str) -> tuple[str, str]:
    """Protocol and path of an address, without a slash at its end.

    Args:
        uri: ``PROTOCOL://BUCKET/PATH``.
        option: what the user gave it as, for the error.

    Raises:
        InputError: it is no such address, or holds a password.
    """
    protocol, _, rest = uri.partition("://")
    if re.match(r"[^/]*:[^/]*@", rest):  # it would be written to sweep.yaml, and to the screen
        rule = "an address holds no password: a store's keys come from the environment or from its profile"
        raise wrong(option, rule, given=f"{protocol}://…@{rest.split('@', 1)[1]}")
    if re.search(r"[?#*\[\]{}\s\\]|[^/]//|(^|/)\.{1,2}(/|$)|::", rest) or not rest.strip("/"):
        raise wrong(option, "an address is PROTOCOL://BUCKET/PATH, with nothing before or after it", given=uri)
    return protocol.lower(), rest.rstrip("/")


def wrong(option: str, rule: str, *, given: str, remedy: str = "such as s3://my-bucket/runs") -> InputError:
    """The mistake of giving an address that cannot be used."""
    return InputError([Problem(rule=rule, given=given, remedy=remedy)], option)
