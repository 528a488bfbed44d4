"""Finished runs for all tests that look at one: a real sweep takes half a minute.

The files that ask for one are listed in `tests/conftest.py`, so that one process makes it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.search.commands import TINY, call, environment

SECOND = (
    TINY.replace("epochs: 4,", "epochs: 2,")
    .replace("trials: 6", "trials: 3, warm_start: [runs/first]")
    .replace("confirm: off", "confirm: {top: 1, seeds: 3}")
    + "budget: {epochs: 10}\nresources: {cpus: 2}\n"
)
"""Three trials and, of one or two configurations, three trainings each: more epochs than the budget has."""
OLD = Path(__file__).with_name("promises") / "old_run"
"""A run that Tunehound 0.1.0 made and left in its third trial. Nothing in it is ever brought up to date."""
KERAS = '{"floatx": "float16", "image_data_format": "channels_first", "backend": "jax", "epsilon": 1}'
"""What this user has set for all programs: other networks, and none that trains, if a process of ours read it."""
COUNTING = """
import atexit
from pathlib import Path
from search.run import journal
from search.study.recorder import Recorder
from search.tuner.confirmation import ConfirmationRecorder
from tunehound import main

parsed, parse = [], journal.record_of

def counted(line):
    parsed.append(line)
    return parse(line)

def restarting(end):
    def ended(*given, **named):
        end(*given, **named)
        parsed.clear()
    return ended

journal.record_of = counted
for recorder in (Recorder, ConfirmationRecorder):
    recorder.end = restarting(recorder.end)
atexit.register(lambda: Path("parsed").write_text(str(len(parsed))))
main()
"""
"""The command, counting the records that are parsed after the last trial, or training to confirm one, has ended."""


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder, with two sweep files and their own settings of Keras."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "tiny.yaml").write_text(TINY + "resources: {cpus: 2}\n")
    (folder / "second.yaml").write_text(SECOND)
    (folder / ".keras").mkdir()
    (folder / ".keras" / "keras.json").write_text(KERAS)
    return folder


@pytest.fixture(scope="session")
def first_run(shared_home: Path) -> subprocess.CompletedProcess[str]:
    """What was said by the command that made `runs/first`, of six trials."""
    done = call("run", "tiny.yaml", "--name", "first", cwd=shared_home)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def second_run(shared_home: Path, first_run: object) -> subprocess.CompletedProcess[str]:
    """The same of `runs/second`, which knew the trials of the first and whose confirmation a budget cut short.

    `cut` is a copy of it, since a test resumes it.
    """
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, "run", "second.yaml", "--name", "second"],
        cwd=shared_home,
        env=environment(shared_home, {"WANDB_MODE": "offline"}),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    shutil.copytree(shared_home / "runs" / "second", shared_home / "cut", symlinks=True)
    return done


@pytest.fixture(scope="session")
def old_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the old run that was resumed to its end: four trials, two configurations confirmed with two seeds."""
    home = tmp_path_factory.mktemp("old")
    run = Path(shutil.copytree(OLD, home / "runs" / "old"))
    ended = call("resume", "old", cwd=home)
    assert ended.returncode == 0, ended.stderr
    return run
