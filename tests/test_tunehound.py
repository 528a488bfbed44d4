"""`import tunehound`: the cell that the README shows runs as it stands, in a real kernel; what hides it is named."""

from __future__ import annotations

import ast
import inspect
import io
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import tunehound
from search.console.logs import redirect_notebook
from tests.search.commands import environment
from tests.search.runs import make_run

ROOT = Path(__file__).parents[1]
FUNCTIONS = ("load", "run", "resume", "leaderboard", "histories", "best", "retrain", "load_model")
NOISE = ("Warning", "INFO", "accelerator", "ipywidgets", "Logging error", "asyncio", "Traceback")
"""What libraries say in a notebook unless they are kept from it."""
CHECKS = """
assert len(board) == 2
assert config["training"]["epochs"] == 4
assert model.output_shape == (None, 10)
second = tunehound.retrain(tunehound.best("latest", rank=2), overrides=["training.epochs=1"], output="second")
assert (second.folder / "model.keras").is_file()
assert tunehound.load_model("latest").count_params() == model.count_params()
import tensorflow
tensorflow.random.uniform((1,))  # without a seed: nothing was decided for the rest of the notebook
assert "Test scores" in (run / "report.html").read_text(encoding="utf-8")
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one run, in the working directory."""
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "runs" / "first")
    return tmp_path / "runs"


def test_the_notebook_cell_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (cell,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert "tunehound.run(" in cell
    smaller = cell.replace(
        'load("digits"', 'load("digits", ["search.trials=2", "trial.training.epochs=4", "confirm=off"]'
    )
    assert smaller != cell
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in (smaller, CHECKS)])
    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert (tmp_path / "runs").is_dir()
    shown = "\n".join(str(output.get("text") or output.get("data")) for output in notebook.cells[0].outputs)
    assert "Starting Ray" in shown
    assert "Starting the processes" in shown
    assert shown.count("trial   ") >= 2, "nothing clears the cell"
    assert [noise for noise in NOISE if noise in shown] == []


def test_in_a_notebook_the_words_of_libraries_go_to_the_log_and_later_ones_where_they_would_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook, log = io.StringIO(), tmp_path / "run.log"
    monkeypatch.setattr("sys.stderr", notebook)
    with redirect_notebook(log):
        library = logging.StreamHandler()  # keeps the stream that it found
        print("a tip about accelerators", file=sys.stderr)
    library.stream.write("after the run\n")
    with redirect_notebook(log):
        library.stream.write("in the next run\n")
    assert sys.stderr is notebook
    assert notebook.getvalue() == "after the run\n"
    assert log.read_text() == "a tip about accelerators\nin the next run\n"


# What is offered


def test_these_functions_are_offered_and_the_errors_that_they_raise() -> None:
    offered = set(tunehound.__all__)
    assert offered == {*FUNCTIONS, "InputError", "WorkFailedError"}
    public = {name for name, each in vars(tunehound).items() if inspect.isfunction(each) and not name.startswith("_")}
    assert public - offered == {"main", "version"}
    assert tunehound.__version__


def examples(name: str) -> Iterator[ast.Call]:
    """The calls of our functions in the example of a docstring."""
    code = "\n".join(re.findall(r"^>>> (.+)$", inspect.getdoc(getattr(tunehound, name)) or "", re.MULTILINE))
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("tunehound"))):
                yield node


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_shows_a_use_that_fits_its_parameters_and_says_what_it_raises(name: str) -> None:
    calls = list(examples(name))
    assert name in {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        keywords: dict[str, Any] = {str(each.arg): None for each in call.keywords}
        inspect.signature(getattr(tunehound, call.func.attr)).bind(*call.args, **keywords)
    assert "Raises:\n    InputError: " in (inspect.getdoc(getattr(tunehound, name)) or "")


def test_a_run_is_its_folder_its_name_or_the_latest(runs: Path) -> None:
    for run in (runs / "first", str(runs / "first"), "first", "latest"):
        assert tunehound.leaderboard(run)["trial"].tolist()[0] == 1
        assert set(tunehound.histories(run)["trial"]) == {0, 1, 2, 3, 5}
        assert tunehound.best(run)["model"]["filters"] == 32
        with pytest.raises(tunehound.InputError, match=r"search\.trials"):
            tunehound.resume(run, ["search.trials=none"])
        with pytest.raises(tunehound.InputError, match=r"tunehound retrain \S*runs/first"):
            tunehound.load_model(run)
        with pytest.raises(tunehound.InputError, match="tunehound resume"):
            tunehound.retrain(run)
    assert tunehound.best("latest", rank=2)["provenance"]["rank"] == 2


@pytest.mark.parametrize("name", ["resume", "leaderboard", "histories", "best", "retrain", "load_model"])
def test_an_unknown_run_is_refused_and_the_known_ones_are_listed(runs: Path, name: str) -> None:
    with pytest.raises(tunehound.InputError, match="runs in runs: first"):
        getattr(tunehound, name)("second")


def test_a_wrong_sweep_is_refused_with_every_mistake() -> None:
    with pytest.raises(tunehound.InputError) as refused:
        tunehound.load("digits", ["search.trials=0", "trial.training.epochs=none"])
    assert len(refused.value.problems) == 2


# How it is imported


def python(*arguments: str, cwd: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    """Python in a folder, which it looks into first; ``path`` is looked into before our packages."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (path, str(ROOT))))}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def test_importing_is_quiet_and_wakes_no_library(tmp_path: Path) -> None:
    done = python("-c", "import sys, tunehound\nprint(*sys.modules)", cwd=tmp_path)
    heavy = {"tensorflow", "keras", "ray", "optuna", "pandas", "numpy", "wandb", "pydantic"}
    assert not heavy & set(done.stdout.split())
    assert not done.stderr


def test_it_works_beside_modules_with_other_names(tmp_path: Path) -> None:
    (tmp_path / "searches.py").write_text("raise SystemExit(9)")
    done = python("-c", "import tunehound; print(tunehound.load('digits').name)", cwd=tmp_path)
    assert done.stdout == "digits\n", done.stderr


@pytest.mark.parametrize("package", ["search", "spaces", "trainables", "clusters"])
def test_a_file_that_hides_a_package_is_named_with_what_to_do(tmp_path: Path, package: str) -> None:
    (tmp_path / f"{package}.py").write_text("")
    done = python("-c", "import tunehound", cwd=tmp_path)
    told = f"{tmp_path / package}.py hides Tunehound's package `{package}`: rename it"
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: {told}")
    (tmp_path / "mine").mkdir()
    script = tmp_path / "mine" / "train.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport {package}\nimport tunehound")
    assert told in python(str(script), cwd=tmp_path / "mine").stderr


def test_a_folder_that_hides_a_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "__init__.py").touch()
    assert f"{tmp_path / 'search'} hides" in python("-c", "import tunehound", cwd=tmp_path).stderr


def test_commands_say_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "spaces.py").touch()
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "tunehound"  # as an installer writes it
    script.write_text("import sys\nfrom tunehound import main\nsys.exit(main())")
    hidden = str(tmp_path)
    for done in (
        python(str(script), "spaces", cwd=tmp_path, path=hidden),
        python("-m", "tunehound", "spaces", cwd=tmp_path),
        python("-m", "trainables", "best.yaml", cwd=tmp_path),
    ):
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(rf"{tmp_path}/spaces\.py hides Tunehound's package `spaces`: rename it.*\n", done.stderr)
    assert python(str(script), "spaces", cwd=tmp_path).returncode == 0, "the command does not look into its folder"


def test_one_trial_without_ray_needs_no_search(tmp_path: Path) -> None:
    (tmp_path / "search.py").write_text("")
    done = python("-m", "trainables", "best.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "best.yaml" in done.stderr
    assert "hides" not in done.stderr
