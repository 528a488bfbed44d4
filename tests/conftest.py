"""For all tests: a data cache of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is read from the user's data cache, and nothing left there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNEHOUND_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
