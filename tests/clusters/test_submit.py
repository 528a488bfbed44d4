"""The script that a cluster is sent: it becomes the tunehound of where it lies, with the arguments as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clusters import submit
from clusters.submit import BY_RAY

SCRIPT = Path(submit.__file__)
ECHO = """
import os, sys
def main():
    print(sys.argv[1:], os.environ.get("OMP_NUM_THREADS"))
    sys.exit(7)
"""


def called(script: Path, *arguments: str, cwd: Path, home: Path) -> subprocess.CompletedProcess[str]:
    # Isolated from the environment that runs the tests: there, tunehound is installed.
    python = [sys.executable, "-I", "-S", script]
    return subprocess.run(
        [*python, *arguments], cwd=cwd, env={"HOME": str(home), **BY_RAY}, capture_output=True, text=True, timeout=30
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a tunehound that says what it was given, in a folder such as Ray makes for a job."""
    tree = tmp_path / "working_dir_files" / "pkg"
    (tree / "clusters").mkdir(parents=True)
    (tree / "tunehound.py").write_text(ECHO)
    shutil.copyfile(SCRIPT, tree / "clusters" / "submit.py")
    return tree


def test_it_becomes_the_tunehound_of_its_checkout_and_passes_arguments_and_exit_code(
    checkout: Path, tmp_path: Path
) -> None:
    done = called(checkout / "clusters" / "submit.py", "run", "a b", "'$(c)'", "", cwd=checkout, home=tmp_path)
    assert (done.returncode, done.stdout) == (7, "['run', 'a b', \"'$(c)'\", ''] None\n"), done.stderr


def test_a_missing_tunehound_is_told_with_the_interpreter_and_the_remedy(tmp_path: Path) -> None:
    script = shutil.copyfile(SCRIPT, tmp_path / "submit.py")
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    stranger = shutil.which("python3", path="/usr/bin") or sys._base_executable  # type: ignore[attr-defined]
    done = subprocess.run([stranger, script, "run"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"tunehound is not installed for {stranger}" in done.stderr
    assert "setup_commands" in done.stderr


def test_a_file_of_the_job_that_hides_a_package_is_named(tmp_path: Path) -> None:
    script = shutil.copyfile(SCRIPT, tmp_path / "submit.py")
    (tmp_path / "search.py").write_text("")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{SCRIPT.parents[1]}"}
    command = [sys.executable, script, "spaces"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path}/search.py hides Tunehound's package `search`: rename it")


def test_the_runs_of_a_job_are_kept_when_ray_removes_its_folder(checkout: Path, tmp_path: Path) -> None:
    called(checkout / "clusters" / "submit.py", "run", cwd=checkout, home=tmp_path)
    (checkout / "runs" / "one").mkdir()
    shutil.rmtree(checkout)
    assert (tmp_path / "runs" / "one").is_dir()


def test_runs_that_came_with_a_job_are_refused(checkout: Path, tmp_path: Path) -> None:
    (checkout / "runs").mkdir()
    done = called(checkout / "clusters" / "submit.py", "run", cwd=checkout, home=tmp_path)
    assert done.returncode == 1
    assert "excludes" in done.stderr
