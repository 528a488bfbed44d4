"""Which views there are, and which of them an epoch shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.config.trial import Augmentation, Features
from trainables.features.views import CLEAN, Views, shown, views_of


@given(images=st.integers(1, 40), views=st.integers(1, 6), seed=st.integers(0, 99), turn=st.integers(0, 3))
def test_in_a_round_every_image_shows_every_view_once(images: int, views: int, seed: int, turn: int) -> None:
    epochs = range(turn * views, (turn + 1) * views)
    seen = np.stack([shown(images=images, views=views, seed=seed, epoch=epoch) for epoch in epochs])
    assert (np.sort(seen, axis=0) == np.arange(views)[:, None]).all()


def test_the_first_round_goes_view_by_view_and_later_ones_mix_them() -> None:
    assert [set(shown(images=50, views=4, seed=0, epoch=epoch)) for epoch in range(4)] == [{0}, {1}, {2}, {3}]
    assert set(shown(images=50, views=4, seed=0, epoch=4)) == {0, 1, 2, 3}


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    first = shown(images=50, views=4, seed=1, epoch=6)
    assert (shown(images=50, views=4, seed=1, epoch=6) == first).all()
    assert (shown(images=50, views=4, seed=2, epoch=6) != first).any()


@pytest.mark.parametrize(
    ("strength", "expected"),
    [
        (0.0, CLEAN),
        (0.1, CLEAN),
        (0.2, Views(count=4, strength=0.25)),
        (0.6, Views(count=4, strength=0.5)),
        (1.0, Views(count=4, strength=1.0)),
    ],
)
def test_strengths_are_rounded_so_that_trials_share(strength: float, expected: Views) -> None:
    assert views_of(Augmentation(policy=("flip",), strength=strength), Features()) == expected


def test_a_coarse_step_never_exceeds_the_full_strength() -> None:
    assert views_of(Augmentation(policy=("flip",), strength=1.0), Features(strength_step=0.7)).strength == 0.7
    assert views_of(Augmentation(policy=("flip",), strength=0.9), Features(strength_step=0.6)).strength == 1.0


def test_without_a_policy_images_are_stored_as_they_are() -> None:
    assert views_of(Augmentation(strength=1.0), Features()) == CLEAN
