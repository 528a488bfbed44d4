"""`tunehound export wandb:ENTITY/PROJECT/GROUP`: a colleague without the run's folder gets what retraining needs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import wandb

from search.results.export import write_best
from search.tracking import client
from search.tracking.sync import sync
from spaces.file.document import read_yaml
from tests.search.commands import called
from tests.search.runs import SMALL, confirm, make_run
from tests.search.tracking.wandb_server import WandbServer
from trainables.retrain.recipe import read_recipe

ADDRESS = "wandb:me/tunehound/digits-1"

pytestmark = pytest.mark.usefixtures("no_account")


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, WandbServer]:
    """A run, and the server that it was sent to."""
    home = tmp_path_factory.mktemp("sent")
    run = make_run(home / "digits-1", SMALL[:4])
    with WandbServer() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in {"HOME": str(home), **server.environment}.items():
            patch.setenv(name, value)
        patch.setitem(sys.modules, "wandb_workspaces", None)  # as if the extra were not installed
        wandb.teardown()
        sync(run)
        wandb.teardown()
    return run, server


@pytest.fixture
def run(sent: tuple[Path, WandbServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    return Path(shutil.copytree(sent[0], tmp_path / "digits-1"))


@pytest.fixture
def server(sent: tuple[Path, WandbServer], run: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WandbServer]:
    """A server that has the run."""
    with WandbServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        for kept in ("runs", "artifacts", "projects"):
            setattr(server, kept, deepcopy(getattr(sent[1], kept)))
        yield server


def exported(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and what the user is told."""
    code, _, told = called(capsys, "export", *arguments)
    wandb.teardown()
    return code, " ".join(told.split())


def test_best_yaml_is_what_the_run_itself_exports(
    server: WandbServer, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "fetched.yaml"
    assert exported(capsys, ADDRESS, "-o", str(file))[0] == 0
    assert _lasting(file) == _lasting(write_best(run, tmp_path / "local.yaml"))
    assert read_recipe(file, (), replay=True).learning_rates == (1e-3, 5e-4)


@pytest.mark.parametrize("rank", [1, 2])
def test_without_the_artifact_the_trials_tell_it(
    server: WandbServer, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rank: int
) -> None:
    server.artifacts.clear()
    file = tmp_path / "fetched.yaml"
    assert exported(capsys, ADDRESS, "--rank", str(rank), "-o", str(file))[0] == 0
    fetched, local = dict(read_yaml(file)), dict(read_yaml(write_best(run, tmp_path / "local.yaml", rank)))
    told, wanted = fetched.pop("provenance"), local.pop("provenance")
    assert fetched == local
    assert told == {key: wanted[key] for key in told}
    assert {"epochs", "learning_rates", "trial", "run_id", "metric"} <= set(told)


def test_among_trials_the_confirmed_ones_come_first(
    server: WandbServer, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    confirm(run, {0: [0.96, 0.95], 1: [0.91, 0.90]})
    sync(run)
    wandb.teardown()
    server.artifacts.clear()
    code, out, _ = called(capsys, "export", ADDRESS)
    assert (code, "trial: 0\n" in out) == (0, True)


def _group_of_two(server: WandbServer) -> None:
    board = server.of("leaderboard")
    server.runs["other-leaderboard"] = replace(board, id="other-leaderboard")


def _gone(server: WandbServer) -> None:
    server.stop()


def _garbage(server: WandbServer) -> None:
    (best,) = server.versions("configuration")
    text = best.files["best.yaml"].replace(b"blocks: 1", b"blocks: !!python/object:os.system 1")
    server.rewrite(best, "best.yaml", text)


@pytest.mark.parametrize(
    ("address", "spoilt", "told"),
    [
        ("wandb:me/tunehound", None, "a sweep on W&B is named wandb:ENTITY/PROJECT/GROUP"),
        ("wandb:me/tunehound/digits-1/0", None, "a sweep on W&B is named wandb:ENTITY/PROJECT/GROUP"),
        ("wandb:me/tunehound/digits-2", None, "me/tunehound has no trials in a group digits-2"),
        ("wandb:me/nowhere/digits-1", None, "W&B did not give the sweep"),
        (ADDRESS, _group_of_two, "ab12cd34-leaderboard, other-leaderboard"),
        (ADDRESS, _garbage, "wandb:me/tunehound/digits-1"),
        (ADDRESS, _gone, "check the address, the key (`wandb login`) and the network"),
    ],
)
def test_what_cannot_be_fetched_is_refused_with_its_reason(
    server: WandbServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    address: str,
    spoilt: Callable[[WandbServer], None] | None,
    told: str,
) -> None:
    if spoilt:
        spoilt(server)
    if spoilt is _gone:
        monkeypatch.setattr(client, "SYNC_TIMEOUT_S", 2.0)
    code, said = exported(capsys, address)
    assert (code, told in said) == (2, True), said


def test_a_shared_name_can_be_told_by_the_id(server: WandbServer, capsys: pytest.CaptureFixture[str]) -> None:
    _group_of_two(server)
    assert exported(capsys, "wandb:me/tunehound/ab12cd34-leaderboard")[0] == 0


def test_without_a_key_the_remedy_is_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = exported(capsys, ADDRESS)
    assert (code, "WANDB_API_KEY" in told) == (2, True)


def _lasting(file: Path) -> dict[str, object]:
    read = dict(read_yaml(file))
    return {**read, "provenance": {**read["provenance"], "created": None}}
