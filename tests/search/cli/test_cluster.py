"""`tunehound cluster check`, and what a sweep is told before it starts where it can never be placed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from clusters.connection.address import ClusterChoice, choose_cluster
from clusters.health.survey import Survey, Wish
from clusters.slots import Node
from search.plan import placement
from search.plan.capacity import capacity
from search.plan.placement import UnfitClusterError, refuse_unfit
from search.plan.requirements import needs
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep
from spaces.problem import InputError
from tests.clusters.found import WORKER, found, with_versions, worker
from tests.search.commands import TINY, called

SILENT = replace(WORKER, versions=None, facts=None, clock_s=None, fault="did not answer within 40 s")
GPUS = {"A100": Node(cpus=8, gpus=4, memory_bytes=2**36)}


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    """A sweep whose trials need two GPUs."""
    (tmp_path / "sweep.yaml").write_text(f"{TINY}resources: {{gpus: 2}}\n")
    return load_sweep(tmp_path / "sweep.yaml")


def answer(monkeypatch: pytest.MonkeyPatch, cluster: Survey) -> list[Wish]:
    """This machine is in that cluster; returns what it is asked."""
    asked: list[Wish] = []

    def survey(chosen: ClusterChoice, wish: Wish) -> Survey:
        assert chosen.address == "10.0.0.1:6379"
        asked.append(wish)
        return cluster

    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.setattr(placement, "survey", survey)
    monkeypatch.setattr("search.plan.capacity.survey", survey)
    return asked


def test_a_healthy_cluster_is_told_a_line_a_node(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer(monkeypatch, found())
    code, out, _ = called(capsys, "cluster", "check")
    assert code == 0
    assert "fit for a sweep" in out
    for name in ("head", "w1"):
        [line] = [line for line in out.splitlines() if line.startswith(f"{name} ")]
        assert line.split()[-1] == "yes"
    assert all(len(line) <= 80 for line in out.splitlines()[:4])


def test_a_sick_cluster_ends_with_1_and_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, found(with_versions(WORKER, keras="3.14.0"), replace(SILENT, id="c", host="w2")))
    code, out, err = called(capsys, "cluster", "check", "--address", "10.0.0.1:6379")
    assert code == 1
    assert [line.split()[-1] for line in out.splitlines() if line.startswith(("head ", "w1 ", "w2 "))] == [
        "yes",
        "no",
        "no",
    ]
    for words in ("w1: keras 3.14.0", "w2: did not answer", "→ install", "2 problems"):
        assert words in err


def test_scripts_are_told_in_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, found(worker(missing=("/data/birds",))))
    code, out, _ = called(capsys, "cluster", "check", "--format", "json")
    told = json.loads(out)
    assert code == 1
    assert not told["fit"]
    assert told["problems"][0]["where"] == "w1"
    assert [node["name"] for node in told["nodes"]] == ["head", "w1"]


def test_without_a_cluster_the_check_says_how_to_have_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    code, out, err = called(capsys, "cluster", "check")
    assert (code, out) == (2, "")
    assert "ray up" in err


def test_the_nodes_are_asked_for_what_the_sweep_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sweep.yaml").write_text(TINY.replace("source: digits", "source: npz, path: a.npz"))
    asked = answer(monkeypatch, found())
    called(capsys, "cluster", "check", str(tmp_path / "sweep.yaml"))
    assert [need.places for need in asked[0].needs] == [(str(tmp_path / "a.npz"),)]
    (tmp_path / "sweep.yaml").write_text(TINY.replace("source: digits", "source: tfds, name: mnist"))
    [downloaded] = needs(load_sweep(tmp_path / "sweep.yaml"))
    assert "mnist" in downloaded.called
    assert downloaded.url


def test_an_address_from_which_no_sweep_can_be_driven_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = called(capsys, "cluster", "check", "--address", "http://127.0.0.1:8265")
    assert code == 2
    assert "HOST:PORT" in err


@pytest.mark.usefixtures("no_account")
def test_a_key_for_wandb_is_missed_where_the_sweep_names_a_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, found())
    (tmp_path / "sweep.yaml").write_text(f"{TINY}tracking: {{wandb: {{project: birds}}}}\n")
    code, _, err = called(capsys, "cluster", "check", str(tmp_path / "sweep.yaml"))
    assert code == 1
    assert "WANDB_API_KEY" in err
    (tmp_path / "sweep.yaml").write_text(TINY)
    code, _, err = called(capsys, "cluster", "check", str(tmp_path / "sweep.yaml"))
    assert code == 0
    assert "WANDB_API_KEY" in err


def test_a_trial_that_fits_no_machine_is_refused_and_one_for_which_a_machine_may_come_is_not(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, found())
    with pytest.raises(InputError, match=r"2 GPUs.*2 machines with 8 CPUs, 1 GPU"):
        refuse_unfit(sweep, choose_cluster(), image_side_px=8, warn=pytest.fail)
    for startable in ((GPUS["A100"],), None):
        answer(monkeypatch, found(startable=startable))
        refuse_unfit(sweep, choose_cluster(), image_side_px=8, warn=pytest.fail)


def test_without_a_cluster_this_machine_is_judged_and_no_ray_is_started(
    sweep: Sweep, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / "ray"))
    code, _, err = called(
        capsys, "run", str(tmp_path / "sweep.yaml"), "--set", "resources.gpus=99", "--runs", str(tmp_path / "runs")
    )
    assert code == 2
    assert "resources" in err
    assert "99 GPUs" in err
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


def test_a_silent_node_is_told_and_a_silent_cluster_refused(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    answer(monkeypatch, found(SILENT, startable=None))
    refuse_unfit(sweep, choose_cluster(), image_side_px=8, warn=told.append)
    assert "w1: did not answer" in told[0]
    answer(monkeypatch, found(SILENT, head=replace(SILENT, head=True), startable=None))
    with pytest.raises(UnfitClusterError, match="did not answer"):
        refuse_unfit(sweep, choose_cluster(), image_side_px=8, warn=told.append)


def test_a_plan_counts_what_lives_and_says_what_may_come_and_what_is_sick(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, found(with_versions(WORKER, keras="3.14.0"), startable=(GPUS["A100"],) * 3))
    room = capacity(sweep, image_side_px=8)
    assert room.slots == 1
    assert room.slot.gpus == 2
    assert any("up to 6 trials" in doubt for doubt in room.doubts)
    assert any("refused: w1: keras 3.14.0" in doubt for doubt in room.doubts)
    assert needs(sweep) == ()
