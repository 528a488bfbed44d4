"""Addresses of stores, such as ``s3://bucket/runs``, as text; without any request."""

from __future__ import annotations

import re

from spaces.problem import InputError, Problem


def is_uri(given: object) -> bool:
    """Return whether this is the address of a store, not a folder of this machine."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", str(given)) is not None


def below(uri: str, name: str) -> str:
    """Return the address of an entry of a folder."""
    return f"{uri.rstrip('/')}/{name}"


def last(uri: str) -> str:
    """Return the name of the folder at an address."""
    return uri.rstrip("/").rsplit("/", 1)[-1]


def split(uri: str, *, option: str) -> tuple[str, str]:
    """Split an address into protocol and path, without a trailing slash.

    Args:
        uri: ``PROTOCOL://BUCKET/PATH``.
        option: what the user gave it as, for the error.

    Raises:
        InputError: it is malformed, or contains a password.
    """
    protocol, _, rest = uri.partition("://")
    if re.match(r"[^/]*:[^/]*@", rest):  # it would be written to sweep.yaml, and to the screen
        rule = "an address must not contain a password: keys come from the environment or from the store's profile"
        raise address_error(option, rule, given=f"{protocol}://…@{rest.split('@', 1)[1]}")
    if re.search(r"[?#*\[\]{}\s\\]|[^/]//|(^|/)\.{1,2}(/|$)|::", rest) or not rest.strip("/"):
        raise address_error(
            option, "an address must have the form PROTOCOL://BUCKET/PATH, with nothing before or after it", given=uri
        )
    return protocol.lower(), rest.rstrip("/")


def address_error(option: str, rule: str, *, given: str, remedy: str = "for example s3://my-bucket/runs") -> InputError:
    """Return the error for an address that cannot be used."""
    return InputError([Problem(rule=rule, given=given, remedy=remedy)], option)
