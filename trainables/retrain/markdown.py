"""Build Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are already Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bullets(lines: Iterable[str]) -> str:
    """Return a list of items that are already Markdown."""
    return "\n".join(f"- {line}" for line in lines)


def fenced(text: str, language: str = "") -> str:
    """Return a code block whose fence cannot occur in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def plain(text: Any) -> str:
    """Escape text so that it is shown literally, on one line."""
    flat = " ".join(str(text).split())
    return "".join(f"\\{character}" if character in "\\`*_|<>[]#" else character for character in flat)
