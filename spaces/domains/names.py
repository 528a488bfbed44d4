"""Names of open values as people read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Full name → its shortest dotted suffix that no other name ends in.

    A branch's label or a list position says nothing alone, so a suffix never begins with one:
    ``model.l2.on`` beside ``model.l2`` becomes ``l2.on``.
    """
    full = list(names)
    shared = Counter(suffix for name in full for suffix in _suffixes(name))
    short: dict[str, str] = {}
    for name in full:
        fit = (suffix for suffix in _suffixes(name) if shared[suffix] == 1 and _speaks(name, suffix, full))
        short[name] = next(fit, name)
    return short


def _suffixes(name: str) -> list[str]:
    """``a.b.c`` → ``c``, ``b.c``, ``a.b.c``."""
    parts = name.split(".")
    return [".".join(parts[start:]) for start in reversed(range(len(parts)))]


def _speaks(name: str, suffix: str, full: list[str]) -> bool:
    """Whether a suffix begins with a key of the settings: neither a label (its parent is open) nor a position."""
    before = name.removesuffix(suffix).rstrip(".")
    return not (before in full or suffix.split(".")[0].isdigit())
