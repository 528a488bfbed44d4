"""A stranger's sweep runs to its end, and nothing that lies beside it is run."""

from __future__ import annotations

from pathlib import Path

from tests.promises.test_strangers import installed, their_folder
from tests.promises.test_strangers import trap as trap


def test_modules_beside_their_sweep_are_not_imported_and_names_of_classes_are_no_paths(
    tmp_path: Path, trap: Path
) -> None:
    theirs = their_folder(tmp_path)
    before = set(tmp_path.rglob("*"))
    done = installed("run", "sweep.yaml", "--name", "one", cwd=theirs)
    assert done.returncode == 0, done.stderr
    runs, new = theirs / "runs", set(tmp_path.rglob("*")) - before
    home = tmp_path / "home"
    assert [path for path in new if not path.is_relative_to(home) and not path.is_relative_to(runs)] == []
    assert {path.name for path in runs.iterdir()} == {"one"}
