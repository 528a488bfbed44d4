"""Every cluster file of `ray up`, judged by what Ray itself asks of it, and by what a sweep needs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.clusters.launchers import CHECKOUT, LAUNCHERS, documents

NAMES = [path.stem for path in LAUNCHERS]
CLOUDS = [path for path in LAUNCHERS if documents(path)[0]["provider"]["type"] != "local"]


@pytest.fixture(params=LAUNCHERS, ids=NAMES)
def launcher(request: pytest.FixtureRequest) -> dict[str, Any]:
    return documents(request.param)[0]


@pytest.fixture(params=CLOUDS, ids=[path.stem for path in CLOUDS])
def cloud(request: pytest.FixtureRequest) -> dict[str, Any]:
    return documents(request.param)[0]


def test_ray_accepts_the_file_once_its_defaults_are_in(launcher: dict[str, Any]) -> None:
    validate_config(prepare_config(copy.deepcopy(launcher)))


def test_nothing_that_runs_on_a_node_is_left_to_a_default(launcher: dict[str, Any]) -> None:
    prepared = prepare_config(copy.deepcopy(launcher))
    for part in ("setup_commands", "head_start_ray_commands", "worker_start_ray_commands"):
        assert prepared[part] == launcher[part]
    for part in ("head", "worker"):
        extra = launcher.get(f"{part}_setup_commands", [])
        assert prepared[f"{part}_setup_commands"] == launcher["setup_commands"] + extra


def test_what_is_copied_to_the_nodes_is_there(launcher: dict[str, Any]) -> None:
    sources = [source for source in launcher["file_mounts"].values() if not source.startswith("~")]
    assert all((CHECKOUT / source).exists() for source in sources)
    packages = {
        "tunehound.py",
        "search",
        "spaces",
        "trainables",
        "clusters",
        "pyproject.toml",
        "constraints.txt",
        "README.md",
        "LICENSE",
    }
    assert packages <= set(sources)


def test_the_locked_versions_are_installed_on_every_node(launcher: dict[str, Any]) -> None:
    for part in ("head", "worker"):
        commands = launcher["setup_commands"] + launcher.get(f"{part}_setup_commands", [])
        installed = [command for command in commands if "pip install" in command]
        assert installed
        assert all("--constraint ~/tunehound/constraints.txt" in command for command in installed)


def test_each_ray_starts_with_the_token_and_with_all_threads(launcher: dict[str, Any]) -> None:
    assert launcher["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"  # noqa: S105
    for part in ("head", "worker"):
        start = launcher[f"{part}_start_ray_commands"][-1]
        assert start.startswith("unset OMP_NUM_THREADS PYTHONWARNINGS;")
        assert "export RAY_AUTH_MODE=token" in start
        assert "--disable-usage-stats" in start
    assert any("RAY_AUTH_MODE=token" in command and "~/.bashrc" in command for command in launcher["setup_commands"])


def test_a_head_without_gpu_gets_no_trial_and_workers_come_and_go(cloud: dict[str, Any]) -> None:
    head, worker = (cloud["available_node_types"][name] for name in ("head", "worker"))
    assert cloud["head_node_type"] == "head"
    assert head["resources"] == {"CPU": 0}
    assert "--num-cpus=0 --num-gpus=0" in cloud["head_start_ray_commands"][-1]
    assert worker["min_workers"] == 0
    assert worker["resources"].keys() == {"CPU", "GPU", "memory"}
    assert 0 < cloud["idle_timeout_minutes"] <= 30
    assert cloud["provider"]["cache_stopped_nodes"] is False


def test_only_workers_may_be_taken_back(cloud: dict[str, Any]) -> None:
    head, worker = (cloud["available_node_types"][name]["node_config"] for name in ("head", "worker"))
    for mark in ({"MarketType": "spot"}, "SPOT", "Spot"):
        assert not within(head, mark)
    assert any(within(worker, mark) for mark in ({"MarketType": "spot"}, "SPOT", "Spot"))


def test_azure_is_given_what_its_template_takes() -> None:
    template = Path(ray.__file__).parent / "autoscaler/_private/_azure/azure-vm-template.json"
    takes = json.loads(template.read_text())["parameters"]
    for path in LAUNCHERS:
        if path.stem == "azure":
            for kind in documents(path)[0]["available_node_types"].values():
                assert kind["node_config"]["azure_arm_parameters"].keys() <= takes.keys()


def within(tree: Any, value: Any) -> bool:
    """Whether a value stands somewhere in a tree."""
    if tree == value:
        return True
    branches = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return any(within(branch, value) for branch in branches)
