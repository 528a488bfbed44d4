"""Commands that are shown to the user, to be pasted into a shell."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path, PurePath

from spaces.printable import printable

PROGRAM = "tunehound"


def command_line(*words: str | PurePath, program: str | None = None) -> str:
    """Return a tunehound command with each word quoted if a shell needs that.

    Args:
        words: the words after `tunehound`; paths as paths.
        program: how the command is called; by default, as it can be called from where this process was.
    """
    return " ".join([this_program() if program is None else program, *map(quoted, words)])


def quoted(word: str | PurePath) -> str:
    """Return a word as a shell reads it. A path that starts with a dash, which would be an option, gets a ``./``."""
    text = os.fspath(word)
    if isinstance(word, PurePath) and text.startswith("-"):
        text = f"./{text}"
    if printable(text) == text:
        return shlex.quote(text)
    return f"$'{''.join(map(_escaped, text))}'"


def this_program() -> str:
    """Return how to call this command again: by its name if that is on PATH, else the way it was called."""
    if shutil.which(PROGRAM):
        return PROGRAM
    called = Path(sys.argv[0])
    return quoted(called) if called.name == PROGRAM else f"{quoted(sys.executable)} -m {PROGRAM}"


def _escaped(letter: str) -> str:
    """Return a character as it is written between ``$'`` and ``'``: unprintable ones, and bytes of no encoding."""
    code = ord(letter)
    if letter in "\\'":
        return f"\\{letter}"
    if printable(letter) == letter:
        return letter
    if code < 0x80 or 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code & 0xFF:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
