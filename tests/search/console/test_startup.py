"""What a sweep does before its first trial, as it is shown."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.console import Console

from search.console.startup import StartSteps
from tests.search.live.test_progress import Clock, console, text


def test_away_from_a_terminal_every_step_is_a_line_after_the_time_since_the_first() -> None:
    clock, screen = Clock(), console(terminal=False)
    with StartSteps(screen, clock=clock) as steps:
        steps("Reading the sweep")
        clock.now = 75.0
        steps("Starting\nRay")
    assert text(screen).splitlines() == ["   0 s  Reading the sweep", r"1 min 15 s  Starting\nRay"]


def test_on_a_terminal_a_step_shows_its_seconds_and_stays_with_them() -> None:
    clock, screen = Clock(), console(terminal=True)
    with StartSteps(screen, clock=clock) as steps:
        steps("Starting Ray")
        clock.now = 12.0
        shown = Console(file=io.StringIO(), width=80)
        shown.print(steps.view())
        assert text(shown).startswith("  12 s  Starting Ray ")
        clock.now = 13.0
    assert "  13 s  Starting Ray\n" in text(screen)
    assert text(screen).endswith("\n")


def fail_in_a_step(steps: StartSteps) -> None:
    with steps:
        steps("Reading the sweep")
        raise ValueError("no such sweep")


def test_a_step_that_fails_is_not_shown_as_done_and_leaves_a_visible_cursor() -> None:
    screen = console(terminal=True)
    with pytest.raises(ValueError, match="no such sweep"):
        fail_in_a_step(StartSteps(screen))
    assert "Reading the sweep\n" not in text(screen)
    assert text(screen).rindex("\x1b[?25h") > text(screen).rindex("\x1b[?25l")


def test_the_steps_go_on_where_they_are_moved() -> None:
    first, second = console(terminal=False), console(terminal=False)
    steps = StartSteps(first)
    steps("Reading the sweep")
    steps.move(second)
    steps("Starting Ray")
    assert ("Reading" in text(first), "Starting" in text(first), "Starting" in text(second)) == (True, False, True)


def test_the_first_line_comes_before_anything_heavy_is_imported() -> None:
    """In a process of its own, since this one has imported everything."""
    look = (
        "import sys; from search.cli import app; "
        "heavy = {'ray', 'tensorflow', 'keras', 'optuna', 'pandas', 'scipy', 'sklearn', 'numpy', 'plotly', 'wandb', "
        "'pydantic', 'PIL'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
