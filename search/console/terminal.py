"""Write output safely: control characters escaped for a terminal, data unchanged for a program."""

from __future__ import annotations

import codecs
import io
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, TextIO, cast

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


def open_streams() -> None:
    """Open those of stdin, stdout and stderr that are closed, as under cron, on the null device.

    Otherwise the next file that is opened would take the place of one, and receive what is printed.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)
            os.set_inheritable(descriptor, True)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r+", encoding="utf-8"))  # noqa: PTH123, SIM115  # open to the end


class StdoutError(OSError):
    """What is printed could not be written; the message says why."""


class Stdout(io.TextIOWrapper):
    """A stdout whose failures can be told from those of other files; a closed pipe remains what it is."""

    def write(self, text: str) -> int:
        """Write text. Raises: StdoutError."""
        with _explained():
            return super().write(text)

    def flush(self) -> None:
        """Flush. Raises: StdoutError."""
        with _explained():
            super().flush()


def guard_stdout() -> None:
    """Make this process's stdout one whose failures can be told from others."""
    stdout = cast(io.TextIOWrapper, sys.stdout)
    encoding, errors, lines = stdout.encoding, stdout.errors, stdout.line_buffering
    sys.stdout = Stdout(stdout.detach(), encoding=encoding, errors=errors, line_buffering=lines)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StdoutError(f"The output could not be written to stdout: {error.strerror}.") from error


@contextmanager
def flushed_stdout() -> Iterator[None]:
    """Flush stdout at the end of the block, where a failure can still be explained."""
    try:
        yield
    finally:
        sys.stdout.flush()


def abandon_stdout() -> None:
    """Discard what is printed from now on, and what could not be written, so that Python does not try at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


class Messages:
    """A stream for messages: one that cannot be written, because a disk is full or a terminal gone, is lost.

    Args:
        stream: returns the stream to write to.
    """

    def __init__(self, stream: Callable[[], TextIO]) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text if possible."""
        with suppress(OSError, ValueError):
            self._stream().write(text)
        return len(text)

    def flush(self) -> None:
        """Flush if possible."""
        with suppress(OSError, ValueError):
            self._stream().flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream(), name)


def messages(stream: Callable[[], TextIO] = lambda: sys.stderr) -> IO[str]:
    """Return such a stream, by default stderr as it is at the time of each message."""
    return cast("IO[str]", Messages(stream))


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
