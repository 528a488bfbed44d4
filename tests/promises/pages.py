"""The published pages, taken apart: their commands, blocks, links and headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = ("tunehound", "make", "python", "pytest", "pip", "ray")
"""Inline code that begins with one of these and goes on is a command."""
SEPARATORS = frozenset("|&;")
REDIRECTIONS = frozenset("<>")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    language: str
    """What stands behind the opening fence; nothing for commands."""
    text: str


@dataclass(frozen=True)
class Page:
    """A Markdown file."""

    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        """The fenced blocks, in order."""
        return [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", self.text, re.DOTALL | re.MULTILINE)]

    @cached_property
    def prose(self) -> str:
        """The page without its fenced blocks."""
        return re.sub(r"^```.*?^```$", "", self.text, flags=re.DOTALL | re.MULTILINE)

    @cached_property
    def spans(self) -> list[str]:
        """Inline code, which may be wrapped."""
        return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", self.prose)]

    @cached_property
    def links(self) -> list[str]:
        """The targets of links and pictures."""
        return re.findall(r"\]\(([^)\s]+)\)", self.prose)

    @cached_property
    def anchors(self) -> set[str]:
        """The names by which GitHub links to headings."""
        return {slug(title) for title in re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)}

    def commands(self) -> list[list[str]]:
        """The words of every command that is shown to be typed: in blocks without a language."""
        lines = [line for block in self.blocks if block.language == "" for line in typed(block.text)]
        return [words for line in lines for words in simple_commands(line)]

    def mentions(self) -> list[list[str]]:
        """The words of every command in the text, as inline code; often no more than its name."""
        spans = [span for span in self.spans if span.split()[0] in PROGRAMS and " " in span]
        return [words for span in spans for words in simple_commands(span)]


def pages() -> list[Page]:
    """Everything that is published as a page."""
    names = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [Page(path) for path in [*names, *sorted((ROOT / "docs").glob("*.md"))]]


def page(name: str) -> Page:
    """The page of a path below the top."""
    return Page(ROOT / name)


def typed(block: str) -> list[str]:
    """What is typed: the lines behind a prompt, or all lines of a block that has no prompt."""
    lines = [line for line in block.splitlines() if line.strip()]
    prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return prompted or lines


def simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a line of shell, without comments, assignments and redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words = list(lexer)
    while words:
        command = list(takewhile(lambda word: not SEPARATORS.issuperset(word), words))
        words = words[len(command) + 1 :]
        yield without_redirections(without_assignments(command))


def without_assignments(words: list[str]) -> list[str]:
    """The words from the program on."""
    first = next((number for number, word in enumerate(words) if not re.match(r"[A-Z_]+=", word)), len(words))
    return words[first:]


def without_redirections(words: list[str]) -> list[str]:
    """The words without ``> FILE`` and ``< FILE``."""
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if REDIRECTIONS.issuperset(word):
            next(rest)
        else:
            kept.append(word)
    return kept


def slug(title: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
