"""What commands write: to a terminal, nothing that it would obey; to a program, everything as it is."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from spaces.printable import printable


class Terminal(Console):
    """A console that shows text as text: control characters written out, no markup, no names of emoji."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is drawn. All text comes through here; what moves the cursor is marked as such."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text, keep="\n"))


class ForPeople(logging.Formatter):
    """Log messages for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, with control characters written out."""
        return printable(super().format(record), keep="\n")


def say(text: str) -> None:
    """Writes a result for people to stdout."""
    typer.echo(printable(text, keep="\n"))


def hand_over(text: str, *, end: str = "\n") -> None:
    """Writes a result that programs may read to stdout: as it is, unless a terminal shows it."""
    typer.echo(for_stdout(text, keep="\n") + end, nl=False, color=True)  # else click drops what looks like a colour


def for_stdout(text: str, *, keep: str = "") -> str:
    """``text`` as it is; where stdout is a terminal, as `printable` has it."""
    shown = sys.stdout is not None and sys.stdout.isatty()
    return printable(text, keep=keep) if shown else text
