"""Stored features train as the whole network does, with other heads and in half precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trainables.conftest import cache as cache
from tests.trainables.small import fit
from tests.trainables.training.test_feed import SHARING, assert_trains_as_the_whole_network, settings
from tests.trainables.training.test_feed import _fresh as _fresh


@pytest.mark.parametrize("model", [{}, {"head": {"pooling": "flatten"}}], ids=str)
def test_stored_features_train_as_the_whole_network_does(model: dict[str, Any]) -> None:
    assert_trains_as_the_whole_network(**model)


def test_half_precision_changes_little() -> None:
    exact, half = fit(settings(), sharing=SHARING), fit(settings(features={"dtype": "float16"}), sharing=SHARING)
    losses = [[(row["loss"], row["val_loss"]) for row in trained.history] for trained in (exact, half)]
    assert np.allclose(losses[1], losses[0], rtol=1e-3)
    assert losses[1] != losses[0]
