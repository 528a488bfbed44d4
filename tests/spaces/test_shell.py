"""A command that is shown can be pasted: a real shell reads the words that were meant."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spaces.printable import printable
from spaces.shell import command_line, quoted, this_program

NASTY = [
    "my photos",
    "été",
    "it's",
    'say "hi"',
    "$HOME",
    "a`b`",
    "~",
    "*",
    "a;b",
    "a\nb\t",
    "\x1b[31m",
    "a\\b",
    "\u202e",
    "",
]
BYTES = os.fsdecode(b"gr\xfc\xdf\xff")


def read_by_bash(*commands: str) -> list[list[str]]:
    """Return the words that bash reads in each line."""
    script = "\n".join(["tunehound() { printf '%s\\0' \"$@\"; printf '\\n\\0'; }", *commands])
    done = subprocess.run(["bash", "-c", os.fsencode(script)], capture_output=True, check=True)
    words = [os.fsdecode(word) for word in done.stdout.split(b"\0")][:-1]
    lines: list[list[str]] = [[]]
    for word in words:
        lines.append([]) if word == "\n" else lines[-1].append(word)
    return lines[:-1]


def test_a_shell_reads_the_words_that_were_meant() -> None:
    commands = [command_line("run", name, program="tunehound") for name in [*NASTY, BYTES]]
    assert read_by_bash(*commands) == [["run", name] for name in [*NASTY, BYTES]]
    assert all(printable(command) == command for command in commands)


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8).filter(lambda word: word != "\n")


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(words, min_size=1, max_size=4), min_size=1, max_size=30))
def test_a_shell_reads_any_words(lines: list[list[str]]) -> None:
    assert read_by_bash(*(command_line(*line, program="tunehound") for line in lines)) == lines


def test_a_path_is_never_an_option() -> None:
    assert quoted(Path("-x y")) == "'./-x y'"
    assert quoted("--check") == "--check"


def test_plain_words_stay_as_they_are() -> None:
    assert command_line("resume", Path("runs/one-2"), program="tunehound") == "tunehound resume runs/one-2"


def test_the_program_is_called_as_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "my tools" / "tunehound"
    program.parent.mkdir()
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    assert this_program() == "tunehound"
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "argv", [str(program)])
    assert this_program() == f"'{program}'"
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py"])
    assert this_program() == f"{sys.executable} -m tunehound"
