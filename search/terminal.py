"""Write output safely: control characters escaped for a terminal, data unchanged for a program."""

from __future__ import annotations

import codecs
import io
import logging
import sys
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from spaces.printable import printable

ANYWAY = "tunehound"
"""The error handler of streams that cannot fail because of a character."""


def write_anyway(*streams: Any) -> None:
    """Let streams take every character, whatever their encoding: a name must not end a command."""
    codecs.register_error(ANYWAY, encoded_anyway)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ANYWAY)


def encoded_anyway(error: UnicodeError) -> tuple[str | bytes, int]:
    """Restore a byte of a file name that was not UTF-8; escape a character that the stream's encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letter, after = error.object[error.start], error.start + 1
    if "\udc80" <= letter <= "\udcff":
        return bytes([ord(letter) - 0xDC00]), after
    return letter.encode("ascii", errors="backslashreplace").decode(), after


class Terminal(Console):
    """A console that prints text literally: control characters escaped, no markup, no emoji codes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is drawn. All text passes through here; segments that move the cursor are marked as control."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text, keep="\n"))


class PrintableFormatter(logging.Formatter):
    """Formats log messages for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message with control characters escaped."""
        return printable(super().format(record), keep="\n")


def print_text(text: str) -> None:
    """Print a result meant to be read, to stdout."""
    typer.echo(printable(text, keep="\n"))


def print_data(text: str, *, end: str = "\n") -> None:
    """Print a result meant for programs to stdout: unchanged, unless stdout is a terminal."""
    typer.echo(for_stdout(text, keep="\n") + end, nl=False, color=True)  # else click strips colours


def for_stdout(text: str, *, keep: str = "") -> str:
    """Return ``text`` unchanged, or made `printable` if stdout is a terminal."""
    shown = sys.stdout is not None and sys.stdout.isatty()
    return printable(text, keep=keep) if shown else text
