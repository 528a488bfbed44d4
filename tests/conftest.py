"""For all tests: a data cache of their own, sweeps that they share, and which files stay together."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.shared_runs import first_run as first_run
from tests.shared_runs import old_run as old_run
from tests.shared_runs import second_run as second_run
from tests.shared_runs import shared_home as shared_home


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is read from the user's data cache, and nothing left there; the environment of Python is activated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # messages name `tunehound`
        patch.setenv("TUNEHOUND_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


USED_BY = {
    "first and second run": (
        "tests/promises/test_journal_passes.py",
        "tests/search/study/test_warm_start.py",
        "tests/search/tuner/test_run.py",
    ),
    "old run": ("tests/promises/test_old_run.py", "tests/search/tuner/test_confirmation.py"),
    "own model": ("tests/promises/test_credentials.py", "tests/promises/test_trust.py"),
}
"""A sweep that several files look at → these files: one process runs it."""
GATE_BACKBONES = ("mobilenet_v2", "efficientnet_b0", "vgg16")
"""What the gate builds; `make test-models` builds the others."""


@pytest.fixture(params=GATE_BACKBONES)
def backbone(request: pytest.FixtureRequest) -> str:
    """The name of a pretrained network."""
    return str(request.param)


class FilesTogether(LoadScopeScheduling):
    """Keeps the tests of a file in one process, with those of files that use the same finished sweep."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((sweep for sweep, files in USED_BY.items() if file in files), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesTogether:
    """Called by pytest-xdist, whose own groups do not work with this version of pytest."""
    return FilesTogether(config, log)
