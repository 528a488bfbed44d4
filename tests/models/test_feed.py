"""Stored features train as the whole network does: with other heads, in half precision, beside a fine-tuning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.trainables.conftest import cache as cache
from tests.trainables.small import fit, measured
from tests.trainables.training.test_feed import SHARING, assert_trains_as_the_whole_network, settings, shelf_cuts
from tests.trainables.training.test_feed import _fresh as _fresh
from trainables.data import store
from trainables.features import table
from trainables.features.policy import FeatureSharing


@pytest.mark.parametrize("model", [{}, {"head": {"pooling": "flatten"}}], ids=str)
def test_stored_features_train_as_the_whole_network_does(model: dict[str, Any]) -> None:
    assert_trains_as_the_whole_network(**model)


def test_half_precision_changes_little() -> None:
    exact, half = fit(settings(), sharing=SHARING), fit(settings(features={"dtype": "float16"}), sharing=SHARING)
    losses = [[(row["loss"], row["val_loss"]) for row in trained.history] for trained in (exact, half)]
    assert np.allclose(losses[1], losses[0], rtol=1e-3)
    assert losses[1] != losses[0]


def test_what_fine_tuning_changes_is_in_no_stored_feature() -> None:
    """The upper layers train in the second stage, while later views are still being computed."""
    fit(settings(strength=0.5, unfrozen_blocks=1, head={}, epochs=5), sharing=SHARING)
    frozen = FeatureSharing(images="digits", trials=10, cuts=shelf_cuts())
    first = measured(fit(settings(strength=0.5, epochs=5, head={}), sharing=frozen))
    table._entries.clear()
    for folder in list(store.root().iterdir()):
        if folder.is_dir():
            store.evict(folder)
    assert measured(fit(settings(strength=0.5, epochs=5, head={}), sharing=frozen)) == first
