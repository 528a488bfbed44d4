"""The gate's tests of three backbones, for all the others."""

from __future__ import annotations

import pytest

from tests.conftest import GATE_BACKBONES
from trainables.models.backbones import BACKBONES


@pytest.fixture(params=[name for name in BACKBONES if name not in GATE_BACKBONES])
def backbone(request: pytest.FixtureRequest) -> str:
    """The name of a pretrained network that the gate does not build."""
    return str(request.param)
