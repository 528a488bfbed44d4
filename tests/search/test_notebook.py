"""What notebooks are offered; the cell that the README shows runs as it stands, in a real kernel."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from search.notebook import histories
from tests.search.commands import environment
from tests.search.runs import make_run

README = Path(__file__).parents[2] / "README.md"


def test_the_notebook_cell_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    (cell,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "tunehound.run(" in cell
    smaller = cell.replace(
        'load("digits"', 'load("digits", ["search.trials=2", "trial.training.epochs=4", "confirm=off"]'
    )
    assert smaller != cell
    checks = "assert len(board) == 2\nassert config['training']['epochs'] == 4\nassert model.output_shape == (None, 10)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in (smaller, checks)])
    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    assert (tmp_path / "runs").is_dir()


def test_histories_are_one_frame_with_the_trial_in_front(tmp_path: Path) -> None:
    frame = histories(make_run(tmp_path / "run"))
    assert list(frame.columns[:2]) == ["trial", "epoch"]
    assert frame.groupby("trial").size().to_dict() == {0: 3, 1: 3, 2: 1, 3: 2, 5: 2}
