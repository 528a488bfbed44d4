"""The folder of a run: made whole or not at all, under a name that is a folder's."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.run.directory import mirror_of, new_directory
from spaces.problem import InputError


def test_a_new_folder_has_its_sweep_and_knows_its_mirror(tmp_path: Path) -> None:
    plain = new_directory(tmp_path / "runs", "one", {"run": {"id": "a"}})
    mirrored = new_directory(tmp_path / "runs", "two", {"run": {"id": "b", "mirror": "s3://bucket/two"}})
    assert (mirror_of(plain), mirror_of(mirrored)) == (None, "s3://bucket/two")
    assert sorted(entry.name for entry in (tmp_path / "runs").iterdir()) == ["one", "two"]


def test_a_name_that_is_taken_is_refused_and_what_lies_there_is_left(tmp_path: Path) -> None:
    new_directory(tmp_path, "one", {"run": {"id": "a"}})
    before = (tmp_path / "one" / "sweep.yaml").read_bytes()
    with pytest.raises(InputError, match="this one exists"):
        new_directory(tmp_path, "one", {"run": {"id": "b"}})
    assert (tmp_path / "one" / "sweep.yaml").read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["one"]


@pytest.mark.parametrize("name", ["", "../one", "a b", ".one", "a/b", "-one"])
def test_a_name_that_is_no_folders_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="letters, digits"):
        new_directory(tmp_path, name, {})
    assert not list(tmp_path.iterdir())


def test_an_address_given_as_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="with two slashes"):
        new_directory(Path("s3://bucket/runs"), "one", {})
