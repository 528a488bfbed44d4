"""Text out of data and files as a person may safely see it."""

from __future__ import annotations

import unicodedata

OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of what a terminal may obey instead of showing it: control and format characters, which move the
cursor or turn text around, lone surrogates, which stand for bytes, and separators of lines and paragraphs."""
JOINERS = "\u200c\u200d"
"""Format characters that words of some languages need, and that move nothing."""


def printable(text: str, *, keep: str = "") -> str:
    """``text`` with every character that a terminal may obey written out: ``\\x1b``, ``\\n``, ``\\u202e``.

    ``keep`` holds those that are meant, such as the line breaks of a message.
    """
    if text.isprintable():
        return text
    spared = keep + JOINERS
    return "".join(
        letter.encode("unicode_escape").decode()
        if letter not in spared and unicodedata.category(letter) in OBEYED
        else letter
        for letter in text
    )
