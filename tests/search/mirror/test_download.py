"""A run comes from its mirror whole, and never loses what is here already."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from search.find import find_run
from search.mirror.download import fetched
from search.run.directory import mirror_of
from search.run.reader import open_run
from spaces.file.write import write_yaml
from spaces.problem import InputError
from tests.search.mirror.places import growing_run, history, place_at, uploaded
from tests.search.runs import about, make_run, sweep_mapping


def test_a_run_is_fetched_whole_and_goes_on_being_mirrored_there(tmp_path: Path) -> None:
    run, place = make_run(tmp_path / "one"), place_at(tmp_path)
    uploaded(run, place)
    said: list[str] = []
    there = find_run(place.uri, tmp_path / "elsewhere", tell=said.append)
    assert there == tmp_path / "elsewhere" / "one"
    assert [trial.number for trial in open_run(there).trials] == [0, 1, 2, 3, 4, 5]
    assert (there / "trials" / "1" / "history.csv").read_bytes() == (run / "trials" / "1" / "history.csv").read_bytes()
    assert mirror_of(there) == place.uri
    assert said == [f"Fetched 13 files from {place.uri} to {there}."]
    assert find_run("one", tmp_path / "elsewhere") == there


def test_names_that_are_no_run_files_are_left_where_they_are(tmp_path: Path) -> None:
    uploaded(make_run(tmp_path / "one"), place_at(tmp_path))
    place = place_at(tmp_path)
    strange = {
        "trials/0/run.sh": b"",
        "trials/../evil": b"",
        "trials/٣/config.yaml": b"",
        "lease.json": b"",
        ".lock": b"",
    }
    place.write_all(strange)
    there = fetched(place.uri, tmp_path / "elsewhere")
    assert not {path.name for path in there.rglob("*")} & {"run.sh", "evil", "٣", "lease.json"}
    assert not list((tmp_path / "elsewhere").rglob("evil"))


def test_where_the_run_went_further_in_its_mirror_that_is_taken_and_else_what_is_here(tmp_path: Path) -> None:
    run, place = tmp_path / "runs" / "one", place_at(tmp_path)
    study, proposal = growing_run(run)
    uploaded(run, place)
    shutil.copytree(run, tmp_path / "elsewhere" / "one")
    study.report(proposal.number, epoch=1, value=0.5)
    (run / "trials" / "0" / "history.csv").write_text(history(1))
    longer = (run / "study.journal").read_bytes()
    assert fetched(place.uri, tmp_path / "runs") == run
    assert (run / "study.journal").read_bytes() == longer
    uploaded(run, place)
    there = fetched(place.uri, tmp_path / "elsewhere")
    assert (there / "study.journal").read_bytes() == longer
    assert (there / "trials" / "0" / "history.csv").read_text() == history(1)
    assert [path.name for path in there.parent.iterdir()] == ["one"]


def test_a_run_that_went_another_way_than_its_mirror_is_refused(tmp_path: Path) -> None:
    run, place = tmp_path / "runs" / "one", place_at(tmp_path)
    study, proposal = growing_run(run)
    uploaded(run, place)
    other = shutil.copytree(run, tmp_path / "elsewhere" / "one")
    study.report(proposal.number, epoch=1, value=0.5)
    uploaded(run, place)
    with (other / "study.journal").open("ab") as journal:
        journal.write(b'{"op_code":0}\n')
    before = (other / "study.journal").read_bytes()
    with pytest.raises(InputError, match="went different ways after"):
        fetched(place.uri, tmp_path / "elsewhere")
    assert (other / "study.journal").read_bytes() == before


def test_another_run_of_that_name_is_left_alone(tmp_path: Path) -> None:
    uploaded(make_run(tmp_path / "one"), place_at(tmp_path))
    mine = make_run(tmp_path / "runs" / "one")
    write_yaml(mine / "sweep.yaml", sweep_mapping() | {"run": about("one") | {"id": "00000000"}})
    with pytest.raises(InputError, match="another run lies in"):
        fetched(place_at(tmp_path).uri, tmp_path / "runs")
