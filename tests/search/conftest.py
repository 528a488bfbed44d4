"""What several tests of the search start from."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.search.commands import TINY, call

SECOND = (
    TINY.replace("epochs: 4,", "epochs: 2,")
    .replace("trials: 6", "trials: 3, warm_start: [runs/first]")
    .replace("confirm: off", "confirm: {top: 1, seeds: 3}")
    + "budget: {epochs: 8}\ntracking: off\nresources: {cpus: 2}\n"
)
"""Three trials and, of one or two configurations, three trainings each: more epochs than the budget has."""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder. Who runs something in it belongs to the group `first run`."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "tiny.yaml").write_text(TINY)
    (folder / "second.yaml").write_text(SECOND)
    return folder


@pytest.fixture(scope="session")
def first(home: Path) -> subprocess.CompletedProcess[str]:
    """A finished run of six trials, `runs/first`; what its command said."""
    done = call("run", "tiny.yaml", "--name", "first", cwd=home)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="session")
def second(home: Path, first: object) -> subprocess.CompletedProcess[str]:
    """A run that learned from the first, `runs/second`, whose confirmation a budget cut short."""
    done = call("run", "second.yaml", "--name", "second", cwd=home)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def no_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user whom W&B does not know; and no W&B process is there before or after."""
    import wandb

    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    wandb.teardown()
    yield
    wandb.teardown()  # W&B reads its environment once a session
