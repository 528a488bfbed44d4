"""Environment variables that look like credentials: training processes get only those that the sweep names."""

from __future__ import annotations

import os
from collections.abc import Collection

MARKS = ("KEY", "SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL")
"""A credential's name contains one of these, in upper or lower case."""
LATER_WORDS = frozenset({"AUTH", "PASS", "PAT", "PWD"})
"""Words between underscores that mark a credential; not as the first word, because PWD is the working directory."""
RAY = "RAY_"
"""The prefix of Ray's own settings, which its processes use to authenticate each other."""


def is_credential(name: str) -> bool:
    """Whether an environment variable looks like a credential by its name: ``HF_TOKEN``, ``AWS_SECRET_ACCESS_KEY``."""
    upper = name.upper()
    if upper.startswith(RAY):
        return False
    return any(mark in upper for mark in MARKS) or not LATER_WORDS.isdisjoint(upper.split("_")[1:])


def credentials() -> frozenset[str]:
    """Return the names of this process's environment variables that look like credentials."""
    return frozenset(filter(is_credential, os.environ))


def without_credentials(*, env: Collection[str] = ()) -> dict[str, str]:
    """Return this process's environment without what looks like a credential, except the variables in ``env``."""
    return {name: value for name, value in os.environ.items() if name in env or not is_credential(name)}


def values_of(env: Collection[str]) -> dict[str, str]:
    """Return the variables of ``env`` that this process has."""
    return {name: os.environ[name] for name in env if name in os.environ}
