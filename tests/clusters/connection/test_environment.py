"""Ray's processes inherit no secret. This is what fails where Ray moves the private names that we rely on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ray._private.services import start_ray_process
from ray.tune.execution import class_cache

from clusters.connection.environment import withheld

SECRETS = {"AWS_SECRET_ACCESS_KEY": "planted", "MY_TOKEN": "planted"}


@pytest.fixture(autouse=True)
def _planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PLAIN", "seen")


def environment_of_a_process_of_ray(folder: Path) -> str:
    file = folder / "environment.txt"
    with file.open("w") as out:
        code = "import os; print(sorted(os.environ))"
        started = start_ray_process([sys.executable, "-c", code], "worker", fate_share=False, stdout_file=out)
        assert started.process.wait(60) == 0
    return file.read_text()


def test_what_ray_starts_inherits_no_secret(tmp_path: Path) -> None:
    with withheld(SECRETS):
        meanwhile = environment_of_a_process_of_ray(tmp_path)
    assert "PLAIN" in meanwhile
    assert not [name for name in SECRETS if name in meanwhile]
    assert all(name in environment_of_a_process_of_ray(tmp_path) for name in SECRETS)  # what Ray does else


def test_ray_tune_passes_none_on() -> None:
    class Trainable:
        """What Ray makes an actor of."""

    def passed_on() -> dict[str, str]:
        made = class_cache._ActorClassCache().get(Trainable)
        variables: dict[str, str] = made._default_options["runtime_env"]["env_vars"]
        return variables

    with withheld(SECRETS):
        assert "AWS_SECRET_ACCESS_KEY" not in passed_on()
    assert "AWS_SECRET_ACCESS_KEY" in passed_on()  # what Ray Tune does else
