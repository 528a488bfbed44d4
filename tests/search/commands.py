"""Runs the `tunehound` command as a user does: another process, another folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

TINY = """
trial:
  data: {source: digits}
  model:
    kind: cnn
    blocks: 1
    batch_norm: off
    head: {pooling: flatten}
    filters: {int: [4, 8], step: 4, baseline: 4}
    dropout: {uniform: [0.0, 0.5], baseline: 0.2}
    l2: {log: [1.0e-6, 1.0e-2], baseline: 1.0e-4}
  augmentation: {policy: [rotation, shift], strength: {uniform: [0.0, 0.5], baseline: 0.1}}
  optimizer: {learning_rate: {log: [1.0e-3, 3.0e-2], baseline: 3.0e-3}}
  training: {epochs: 4, batch_size: 32}
search: {trials: 6, grace_epochs: 1, reduction_factor: 2}
confirm: off
"""
"""A sweep that is over in seconds."""


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """A user with a home of their own and no W&B account; ``more`` is set besides."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    return kept | {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "COLUMNS": "80", **(more or {})}


def call(
    *arguments: str | Path, cwd: Path, given: str | None = None, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command that has ended."""
    env = environment(cwd, more)
    return subprocess.run(
        command(*arguments), cwd=cwd, env=env, input=given, capture_output=True, text=True, timeout=300
    )


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command, run in this process because starting one takes seconds."""
    from search.cli.app import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["tunehound", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def command(*arguments: str | Path) -> list[str]:
    """The command line, with the interpreter that runs the tests."""
    return [sys.executable, "-c", "from search.cli.app import main; main()", *map(str, arguments)]
