"""Text from data and files, made safe to show in a terminal."""

from __future__ import annotations

import unicodedata

INTERPRETED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that a terminal may interpret instead of showing: control and format characters, which move the
cursor or reverse text, lone surrogates, which stand for bytes, and line and paragraph separators."""
JOINERS = "\u200c\u200d"
"""Format characters that some languages need and that are harmless."""


def printable(text: str, *, keep: str = "") -> str:
    """Return ``text`` with every character that a terminal may interpret escaped: ``\\x1b``, ``\\n``, ``\\u202e``.

    ``keep`` holds characters to leave alone, such as the line breaks of a message.
    """
    if text.isprintable():
        return text
    kept = keep + JOINERS
    return "".join(
        letter.encode("unicode_escape").decode()
        if letter not in kept and unicodedata.category(letter) in INTERPRETED
        else letter
        for letter in text
    )


def encodable(text: str) -> str:
    """Return ``text`` with lone surrogates escaped, for libraries that refuse them: pandas' strings must be UTF-8."""
    return text.encode(errors="backslashreplace").decode()
