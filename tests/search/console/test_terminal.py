"""Streams that are closed or full: what is printed is lost, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from search.console.terminal import StdoutError, Terminal, flushed_stdout, guard_stdout, messages

SCRIPT = """
import os, sys
from search.console.terminal import open_streams
open_streams()
print("lost or not")
print("a message", file=sys.stderr)
assert sys.stdin.read() == ""
with open(sys.argv[1], "w") as file:
    assert file.fileno() > 2
    file.write("kept")
    file.flush()
    os.system("echo lost")
"""


@pytest.mark.parametrize("closed", [(0, 1), (0, 1, 2)], ids=str)
def test_closed_streams_are_opened_and_take_nothing(tmp_path: Path, closed: tuple[int, ...]) -> None:
    redirections = " ".join(f"{number}>&-" for number in closed)
    command = f'exec "$0" -c "$1" "$2" {redirections}'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, SCRIPT, str(tmp_path / "file")],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    assert done.stderr == ("" if 2 in closed else "a message\n")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_message_that_cannot_be_written_is_lost() -> None:
    full = open("/dev/full", "w", encoding="utf-8")  # noqa: PTH123, SIM115  # closing it fails
    terminal = Terminal(file=messages(lambda: full))
    for _ in range(3):
        terminal.print("lost")
    assert not terminal.is_terminal
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_a_message_goes_to_stderr_as_it_is_at_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(file=messages(), soft_wrap=True).print("here")
    assert capsys.readouterr().err == "here\n"


def test_output_that_cannot_be_written_is_told_from_other_files(monkeypatch: pytest.MonkeyPatch) -> None:
    full = open("/dev/full", "w", encoding="utf-8")  # noqa: PTH123, SIM115  # closing it fails
    monkeypatch.setattr(sys, "stdout", full)
    guard_stdout()
    with pytest.raises(StdoutError, match="to stdout: No space left on device"), flushed_stdout():
        print("lost")
    with pytest.raises(OSError, match="No space left"):
        sys.stdout.close()
