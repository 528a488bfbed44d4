"""The files for Ray's cluster launcher: valid by Ray's own rules, safe as they are, of the locked versions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

import clusters

FILES = [file for file in sorted(Path(clusters.__file__).parent.glob("*.yaml")) if "\nprovider:" in file.read_text()]
SECRET = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN|(password|secret|api_key|token)\s*[:=]\s*['\"]?[\w/+-]{16,}", re.I)


def starts(config: dict[str, Any]) -> list[str]:
    """The commands that start Ray."""
    commands = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    return [command for command in commands if "ray start" in command]


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def file(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def config(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text())


def test_ray_itself_finds_it_valid(config: dict[str, Any]) -> None:
    validate_config(prepare_config(config))


def test_ray_starts_with_a_token_for_everyone_and_a_dashboard_for_nobody_else(config: dict[str, Any]) -> None:
    assert "~/.ray/auth_token" in config["file_mounts"]
    assert len(starts(config)) == 2
    assert all("RAY_AUTH_MODE=token" in command for command in starts(config))
    assert "--dashboard-host=127.0.0.1" in next(command for command in starts(config) if "--head" in command)


def test_trials_are_left_their_threads_and_nothing_is_told_to_others(config: dict[str, Any]) -> None:
    for command in starts(config):
        assert command.index("unset OMP_NUM_THREADS PYTHONWARNINGS") < command.index("ray start")
        assert "--disable-usage-stats" in command


def test_the_locked_versions_are_installed(config: dict[str, Any]) -> None:
    installs = [command for command in config["setup_commands"] if "pip install" in command]
    assert installs
    assert all("constraints.txt" in command for command in installs)


def test_no_secret_stands_in_it(file: Path) -> None:
    assert not SECRET.search(file.read_text())
