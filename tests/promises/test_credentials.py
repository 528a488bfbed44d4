"""Credentials of the person who starts a sweep reach nobody whom the sweep does not name, and no file."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from search.plan.check import check
from spaces.file.load import load_sweep
from spaces.problem import InputError
from tests.promises.test_trust import MODULE, SWEEP
from tests.search.commands import TINY, call

PLANTED = {
    "AWS_ACCESS_KEY_ID": "planted-access-key",
    "AWS_SECRET_ACCESS_KEY": "planted-secret-key",
    "AWS_SESSION_TOKEN": "planted-session-token",
    "WANDB_API_KEY": "planted0wandb0key00000000000000000000000",
    "GOOGLE_APPLICATION_CREDENTIALS": "/planted/google.json",
    "db_password": "planted-password",
    "LISTED_TOKEN": "planted-listed-token",
}
LISTED = "LISTED_TOKEN"
SPY = """
import json, os
from pathlib import Path

def environment(process):
    entries = Path(f"/proc/{process}/environ").read_bytes().split(b"\\0")
    return dict(entry.decode().split("=", 1) for entry in entries if b"=" in entry)

seen = {"own": dict(os.environ), "parent": environment(os.getppid())}
Path(os.environ["SEEN"], f"{os.getpid()}.json").write_text(json.dumps(seen))
"""
OWN = (
    SWEEP.replace("tracking: off\n", "")
    .replace("cpus: 2", f"cpus: 2, env: [{LISTED}]")
    .replace("epochs: 2", "epochs: 1")
    .replace("{trials: 2}", "{trials: 2, scheduler: none}")
)


@dataclass(frozen=True)
class Ran:
    """A sweep, where it left files, and what the processes in which the user's own code ran could see."""

    done: subprocess.CompletedProcess[str]
    place: Path
    seen: list[dict[str, dict[str, str]]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A small sweep over the user's own model, which notes the environment in which it is imported."""
    place = tmp_path_factory.mktemp("ran")
    for folder in ("seen", "tmp", "cache"):
        (place / folder).mkdir()
    (place / "my_models.py").write_text(SPY + MODULE)
    (place / "mine.yaml").write_text(OWN)
    folders = {"SEEN": "seen", "TMPDIR": "tmp", "TUNEHOUND_CACHE": "cache"}
    more = PLANTED | {"WANDB_MODE": "offline"} | {name: str(place / folder) for name, folder in folders.items()}
    done = call("run", "mine.yaml", "--trust", "my_models", "--name", "own", cwd=place, more=more)
    return Ran(done, place, [json.loads(file.read_text()) for file in (place / "seen").iterdir()])


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
    [log] = (ran.place / "cache").glob("*.log")
    told = re.search(r"Ray's own logs.+: (.+)/logs$", log.read_text(), re.MULTILINE)
    assert told
    places = {ran.place, Path(told[1])}  # a long name keeps Ray's folder out of the first
    files = [file for place in places for file in place.rglob("*") if file.is_file() and file.parent.name != "seen"]
    assert any(file.name == "raylet.out" for file in files)
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
    assert problem.given == "IS_NOT_KEY, not set"
