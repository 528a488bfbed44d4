"""For all tests: a data cache of their own, runs that they share, and the groups of those that stay together."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared_runs import first_run as first_run
from tests.shared_runs import second_run as second_run
from tests.shared_runs import shared_home as shared_home


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is read from the user's data cache, and nothing left there; the environment of Python is activated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # messages name `tunehound`
        patch.setenv("TUNEHOUND_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


GATE_BACKBONES = ("mobilenet_v2", "efficientnet_b0", "vgg16")
"""What the gate builds; `make test-models` builds the others."""


@pytest.fixture(params=GATE_BACKBONES)
def backbone(request: pytest.FixtureRequest) -> str:
    """The name of a pretrained network."""
    return str(request.param)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file run in one process, with those of other files that name the same `xdist_group`."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
