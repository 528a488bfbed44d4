"""For the tests of clusters: Ray in this process authenticates as the environment says."""

from __future__ import annotations

import pytest
import ray

from clusters.ray_internals import reload_authentication


@pytest.fixture(autouse=True)
def _authentication() -> None:
    """Ray reads RAY_AUTH_MODE once per process, and a test before may have set it."""
    if not ray.is_initialized():
        reload_authentication()
