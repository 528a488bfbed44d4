"""Wrong input ends with exit code 2, a message that helps, and nothing started or written."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.search.commands import TINY, called

MISTAKES = [
    ("dropout: {uniform: [0.0, 0.5], baseline: 0.2}", "droput: 0.2", ["trial.model.droput", "dropout"]),
    ("dropout: {uniform: [0.0, 0.5], baseline: 0.2}", "dropout: high", ["trial.model.dropout", "high"]),
    (
        "uniform: [0.0, 0.5], baseline: 0.2}\n    l2",
        "uniform: [0.5, 0.0], baseline: 0.2}\n    l2",
        ["trial.model.dropout", "0.5"],
    ),
    ("log: [1.0e-6, 1.0e-2]", "log: [0, 1.0e-2]", ["trial.model.l2", "0"]),
    ("log: [1.0e-6, 1.0e-2]", "log: [.nan, 1.0e-2]", ["trial.model.l2", "nan"]),
    ("{int: [4, 8], step: 4, baseline: 4}", "{choice: []}", ["trial.model.filters", "choice"]),
    ("{int: [4, 8], step: 4, baseline: 4}", "{choice: [4, 4], baseline: 4}", ["trial.model.filters", "4"]),
    ("{int: [4, 8], step: 4, baseline: 4}", "{int: [4, 8], step: 4, baseline: 16}", ["trial.model.filters", "16"]),
    ("{int: [4, 8], step: 4, baseline: 4}", "{int: [4, 8], step: 4}", ["trial.model.filters", "baseline"]),
    ("grace_epochs: 1", "grace_epochs: 4", ["search.grace_epochs", "4"]),
    ("grace_epochs: 1", "metric: accuracy_of_dreams", ["search.metric", "accuracy_of_dreams", "val_accuracy"]),
    ("blocks: 1", "blocks: 4", ["trial.model.blocks", "8 × 8"]),
    ("trial:", "trial: [", ["sweep.yaml"]),
    (TINY, "- a\n- list\n", ["sweep.yaml"]),
    (TINY, "", ["sweep.yaml"]),
]


@pytest.mark.parametrize("command", [("plan", "--check"), ("run",)])
@pytest.mark.parametrize(("right", "wrong", "told"), MISTAKES)
def test_a_mistake_in_the_sweep_file_is_told_before_anything_starts(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    right: str,
    wrong: str,
    told: list[str],
    command: tuple[str, ...],
) -> None:
    assert right in TINY
    (tmp_path / "sweep.yaml").write_text(TINY.replace(right, wrong))
    monkeypatch.chdir(tmp_path)
    code, out, err = called(capsys, command[0], "sweep.yaml", *command[1:])
    assert code == 2
    assert not out
    for words in ["sweep.yaml", *told]:
        assert words in err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


def test_several_mistakes_are_told_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        TINY.replace("blocks: 1", "bloks: 1").replace("log: [1.0e-6", "log: [0").replace("epochs: 4,", "epochs: four,")
    )
    (tmp_path / "sweep.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    code, _, err = called(capsys, "run", "sweep.yaml")
    assert code == 2
    for place in (
        "sweep.yaml:6  trial.model.bloks",
        "sweep.yaml:11  trial.model.l2",
        "sweep.yaml:14  trial.training.epochs",
    ):
        assert place in err


def test_an_unknown_sweep_lists_the_ready_ones(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, "plan", "digts", "--check")
    assert code == 2
    assert "digits" in err


def test_an_unknown_run_lists_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, "leaderboard", "nothing", "--runs", str(tmp_path))
    assert code == 2
    assert ": none" in err


@pytest.mark.parametrize("name", ["../up", "", "a b", ".hidden"])
def test_a_name_that_is_no_folder_name_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = called(capsys, "run", "digits", "--name", name)
    assert code == 2
    assert "--name" in err
    assert not list(tmp_path.iterdir())


def test_a_ready_sweep_is_printed_as_it_is_and_runs_as_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text, _ = called(capsys, "spaces", "digits")
    assert code == 0
    (tmp_path / "mine.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert called(capsys, "plan", "mine.yaml", "--check")[0] == 0


def test_the_ready_sweeps_are_listed_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = called(capsys, "spaces")
    assert code == 0
    assert any(line.startswith("digits ") for line in out.splitlines())


def test_every_command_explains_itself_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    names = "run resume plan leaderboard report dashboard export retrain predict sync spaces"
    for name in names.split():
        code, out, _ = called(capsys, name, "--help")
        assert code == 0
        assert f"tunehound {name}" in out.split("Examples:")[1]


def test_the_version_is_told_with_those_that_results_depend_on() -> None:
    code = "import sys; sys.argv = ['tunehound', '--version']\nfrom tunehound import main\ntry: main()\n"
    code += "finally: assert not {'tensorflow', 'keras', 'ray', 'optuna', 'wandb'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    first, *others = done.stdout.splitlines()
    assert first == f"tunehound {version('tunehound')}"
    assert {f"  {name} {version(name)}" for name in ("ray", "optuna", "keras", "tensorflow")} < set(others)
    assert others[0].startswith("  python 3.")
