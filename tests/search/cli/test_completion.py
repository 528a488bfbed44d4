"""Shell completion: installed by the command that the pages name, then asked as each shell asks it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.search.commands import environment
from tests.search.runs import make_run

ROOT = Path(__file__).parents[3]
PRESS_TAB = """
source "$HOME/.bashrc"
COMP_WORDS=(tunehound "$@"); COMP_CWORD=$#
_tunehound_completion tunehound
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs and a sweep file, and the command on PATH."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "tunehound"
    command.write_text(f"#!{sys.executable}\nfrom tunehound import main\nmain()\n")
    command.chmod(0o755)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("first", "second"):
        make_run(tmp_path / "runs" / name)
    make_run(tmp_path / "elsewhere" / "third")
    (tmp_path / "runs" / ".fourth.0a0b0c0d").mkdir()
    (tmp_path / "digits_of_mine.yaml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bash(script: str, *words: str) -> list[str]:
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", *words], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


def test_bash_completes_commands_options_runs_and_sweeps_once_it_is_installed(desk: Path) -> None:
    bash("tunehound --install-completion; true")  # `true`: else the command takes the place of the shell
    for words, offered in {
        ("le",): ["leaderboard"],
        ("--ver",): ["--version"],
        ("leaderboard", "first", "--format", ""): ["table", "csv", "json"],
        ("resume", ""): ["latest", "first", "second"],
        ("report", "--runs", "elsewhere", "t"): ["third"],
        ("run", "di"): ["digits", "digits_of_mine.yaml"],
        ("retrain", "runs/first/s"): ["runs/first/sweep.yaml"],
        ("predict", "runs/fi"): [],  # bash completes names of files where nothing is offered
    }.items():
        assert bash(PRESS_TAB, *words) == offered, words


@pytest.mark.parametrize(
    ("shell", "installed"), [("zsh", ".zfunc/_tunehound"), ("fish", ".config/fish/completions/tunehound.fish")]
)
def test_zsh_and_fish_are_offered_the_same(desk: Path, shell: str, installed: str) -> None:
    asked = {
        "_TUNEHOUND_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "tunehound resume fi",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(["tunehound"], env=os.environ | asked, capture_output=True, text=True, check=True, timeout=60)
    assert "first" in done.stdout
    assert "second" not in done.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-c", "tunehound --install-completion; true"], check=True, timeout=60)
        assert "_TUNEHOUND_COMPLETE" in (desk / installed).read_text()


def test_completing_imports_no_library_that_is_slow(desk: Path) -> None:
    code = "import sys, search.cli.app, search.cli.completion as tab\ntab.sweep_names('')\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert {"tensorflow", "keras", "ray", "optuna", "pandas", "numpy", "wandb"} & set(done.stdout.split()) == set()
