"""The folder of a run: made whole or not at all, under a name that is a folder's."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.run.directory import NameTakenError, check_name, default_names, mirror_of, new_directory
from spaces.problem import InputError

BEGAN = datetime(2026, 11, 30, 12)


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


@pytest.mark.parametrize("name", ["", "../one", "a b", ".one", "a/b", "-one", "été", "latest", "a" * 201, "one\n"])
def test_a_name_that_is_no_folders_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"a run's name|no run has this name"):
        new_directory(tmp_path, name, {})
    assert not list(tmp_path.iterdir())


def test_an_address_given_as_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="with two slashes"):
        new_directory(Path("s3://bucket/runs"), "one", {})


@pytest.mark.parametrize(
    ("sweep", "stem"),
    [
        ("digits", "digits"),
        ("my photos", "my-photos"),
        ("été_2026.v2", "ete_2026.v2"),
        ("Straße", "Stra-e"),
        ("写真", "sweep"),
        ("", "sweep"),
        ("...", "sweep"),
        ("-rf", "rf"),
        ("a/b\\c:d'e$(f)\n", "a-b-c-d-e-f"),
        ("CON", "CON"),
        ("latest", "latest"),
        ("a" * 300, "a" * 100),
        ("gr\udcfcn", "gr-n"),
    ],
)
def test_a_default_name_is_made_of_the_sweeps(sweep: str, stem: str) -> None:
    name = next(default_names(sweep, BEGAN))
    assert name == f"{stem}-20261130-120000"
    check_name(name, "--name")


@given(st.text())
def test_every_default_name_is_a_name(sweep: str) -> None:
    for name in itertools.islice(default_names(sweep, BEGAN), 3):
        check_name(name, "--name")


def test_runs_of_the_same_second_have_different_names() -> None:
    names = list(itertools.islice(default_names("digits", BEGAN), 3))
    assert names == [f"digits-20261130-120000{end}" for end in ("", "-2", "-3")]


def test_of_runs_that_are_created_at_once_one_has_the_name_and_the_others_are_told(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def create(number: int) -> bool:
        start.wait()
        try:
            new_directory(tmp_path / "runs", "one", {"run": {"id": str(number)}})
        except NameTakenError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1
    assert [entry.name for entry in (tmp_path / "runs").iterdir()] == ["one"]
