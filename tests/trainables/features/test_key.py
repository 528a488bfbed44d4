"""Stored features are found again only where nothing that they depend on has changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spaces.config.trial import Augmentation, PretrainedModel, Ranges
from tests.trainables.small import mobilenet
from trainables.features import key
from trainables.features.key import key_of
from trainables.features.prefix import Prefix, hash_of
from trainables.features.table import prefix_of
from trainables.features.views import CLEAN, Views
from trainables.models.cut import Cut, cuts_of
from trainables.models.pretrained import network_of

MODEL = PretrainedModel.model_validate(mobilenet())
AUGMENTED = Views(count=4, strength=0.5)


@pytest.fixture(scope="module")
def prefix() -> Prefix:
    weights = network_of(MODEL).get_weights()
    policy = Augmentation(policy=("flip",))
    return prefix_of(MODEL, policy, cuts_of(MODEL), weights=weights, image_shape=(8, 8, 1))


def the_key(prefix: Prefix, *, images: str = "digits", views: Views = AUGMENTED, **model: Any) -> str:
    return key_of(MODEL.model_copy(update=model), prefix, images=images, views=views)


def changed(prefix: Prefix, **attributes: Any) -> Prefix:
    other = copy.copy(prefix)
    for name, value in attributes.items():
        setattr(other, name, value)
    return other


CHANGES: dict[str, Callable[[Prefix], str]] = {
    "the weights": lambda p: the_key(changed(p, weights_hash="0123456789abcdef")),
    "the data, or its division": lambda p: the_key(p, images="digits, divided by 1"),
    "the backbone": lambda p: the_key(p, backbone="vgg16"),
    "its width": lambda p: the_key(p, alpha=0.5),
    "the input size": lambda p: the_key(p, input_size=64),
    "the images' shape": lambda p: the_key(changed(p, image_shape=(9, 9, 1))),
    "the cut": lambda p: the_key(changed(p, cuts=(Cut("block_16_project_BN"),))),
    "the pooling": lambda p: the_key(changed(p, cuts=(Cut("out_relu", "max"),))),
    "the dtype": lambda p: the_key(changed(p, dtype="float32")),
    "the policy": lambda p: the_key(changed(p, ranges=Ranges(flip=0.4))),
    "the strength": lambda p: the_key(p, views=Views(count=4, strength=0.25)),
    "the number of views": lambda p: the_key(p, views=Views(count=3, strength=0.5)),
    "no augmentation": lambda p: the_key(p, views=CLEAN),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_found_after_a_change_of(change: str, prefix: Prefix) -> None:
    assert CHANGES[change](prefix) != the_key(prefix)


def test_nothing_is_found_after_a_change_of_the_code_that_makes_features(
    prefix: Prefix, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = the_key(prefix)
    for module in key.CODE:
        edited = tmp_path / f"{module.__name__}.py"
        edited.write_text(Path(str(module.__file__)).read_text() + "\n# edited")
        with monkeypatch.context() as patch:
            patch.setattr(module, "__file__", str(edited))
            assert the_key(prefix) != before, module
    assert the_key(prefix) == before


def test_the_policy_plays_no_part_where_nothing_is_augmented(prefix: Prefix) -> None:
    assert the_key(changed(prefix, ranges=Ranges(flip=0.4)), views=CLEAN) == the_key(prefix, views=CLEAN)


def test_one_changed_weight_changes_the_hash() -> None:
    weights = [np.zeros((3, 3), np.float32), np.ones(2, np.float32)]
    other = [weights[0], weights[1].copy()]
    other[1][1] = np.nextafter(np.float32(1), np.float32(2))
    assert hash_of(weights) == hash_of([each.copy() for each in weights]) != hash_of(other)
