"""Credentials of the person who starts a sweep reach nobody whom the sweep does not name, and no file."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from search.plan.check import check
from spaces.file.load import load_sweep
from spaces.problem import InputError
from tests.promises.own_model import LISTED, PLANTED, Ran
from tests.search.commands import TINY


def test_own_code_sees_the_one_that_the_sweep_names(ran: Ran) -> None:
    assert ran.done.returncode == 0, ran.done.stderr
    assert len(ran.seen) == 2  # the model is built once before the sweep, and then by the process of its trials
    for process in ran.seen:
        assert {name: process["own"][name] for name in PLANTED if name in process["own"]} == {LISTED: PLANTED[LISTED]}


def test_neither_does_ray_have_the_others(ran: Ran) -> None:
    [raylet] = [process["parent"] for process in ran.seen if "RAY_RAYLET_PID" in process["own"]]
    assert "SEEN" in raylet
    assert not raylet.keys() & PLANTED.keys()


def test_no_file_holds_any_of_them(ran: Ran) -> None:
    secrets = [value.encode() for value in PLANTED.values()]
    forms = [form for each in secrets for form in (each, each.hex().encode(), base64.b64encode(each)[:16])]
    files = [file for file in ran.place.rglob("*") if file.is_file() and file.parent.name != "seen"]
    assert any(file.name.endswith("-raylet.out") for file in files)
    assert any(file.suffix == ".wandb" for file in files)
    assert [file for file in files if any(form in file.read_bytes() for form in forms)] == []
    assert not any(value in ran.done.stdout + ran.done.stderr for value in PLANTED.values())


def test_a_variable_that_is_not_set_is_told_where_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "named.yaml"
    file.write_text(f"resources:\n  env: [IS_SET_KEY, IS_NOT_KEY]\n{TINY.strip()}\n")
    monkeypatch.setenv("IS_SET_KEY", "1")
    monkeypatch.delenv("IS_NOT_KEY", raising=False)
    with pytest.raises(InputError) as raised:
        check(load_sweep(file))
    [problem] = raised.value.problems
    assert str(raised.value).startswith(f"{file}:2  resources.env.1\n")
    assert problem.given == "IS_NOT_KEY, which is not set"
