"""What is built from a checkout and installed elsewhere is whole: its modules, ready sweeps, page, cluster files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("search", "trainables", "spaces", "clusters")
BUILD = "import sys, setuptools.build_meta as backend; getattr(backend, sys.argv[1])(sys.argv[2])"
"""What `python -m build` asks of setuptools, without the environment of its own that takes a network."""


def product(root: Path) -> set[str]:
    """Every file of the packages, and the module at the top."""
    files = (file for package in PACKAGES for file in (root / package).rglob("*") if file.is_file())
    return {"tunehound.py", *(file.relative_to(root).as_posix() for file in files if "__pycache__" not in file.parts)}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the source distribution of a copy, as `python -m build` makes it."""
    home = tmp_path_factory.mktemp("wheel")
    tree = home / "tree"
    tree.mkdir()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tunehound.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, tree / name)
    build("build_sdist", tree, home)
    shutil.unpack_archive(next(home.glob("*.tar.gz")), home, filter="data")
    build("build_wheel", next(home.glob("tunehound-*/")), home)
    return next(home.glob("*.whl"))


def build(hook: str, tree: Path, into: Path) -> None:
    command = [sys.executable, "-c", BUILD, hook, str(into)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The folder in which an installer would put it, outside the checkout."""
    place = wheel.parent / "site"
    shutil.unpack_archive(wheel, place, "zip")
    return place


def ask(installed: Path, *arguments: str) -> str:
    """What Python says that finds this Tunehound before any other."""
    env = os.environ | {"PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=installed.parent, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_of_the_packages_is_in_the_wheel_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {Path(name).suffix for name in names} >= {".py", ".css", ".js", ".json", ".yaml", ".sh"}
    assert names == product(ROOT)


def test_it_is_imported_from_there_with_its_ready_sweeps_and_its_page(installed: Path) -> None:
    code = "import tunehound; print(tunehound.__file__, tunehound.load('digits').name)"
    assert ask(installed, "-c", code).split() == [str(installed / "tunehound.py"), "digits"]
    whole = ask(installed, "-c", "from search.report.page import page; print(page(title='', lead='', sections=[]))")
    for name in ("page.css", "page.js"):
        assert (ROOT / "search" / "report" / name).read_text(encoding="utf-8") in whole
    assert len(ask(installed, "-m", "tunehound", "spaces").splitlines()) == len(list((ROOT / "spaces").glob("*.yaml")))


def test_the_command_of_that_name_starts_it(installed: Path) -> None:
    code = (
        "import sys; from importlib.metadata import distribution; sys.argv = ['tunehound', '--version']; "
        "distribution('tunehound').entry_points['tunehound'].load()()"
    )
    assert ask(installed, "-c", code).startswith("tunehound ")
