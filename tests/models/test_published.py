"""What `tests/contracts/test_published.py` says of networks from scratch, said of those on large backbones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.test_published import DENSE, counts

STUDIES = {
    "vgg16 fine-tune": (
        "{kind: pretrained, backbone: vgg16, weights: none, unfreeze_from: block5_conv1, l2: 1.0e-4, "
        + DENSE
        + "0.6}}",
        (21_173_194, 13_537_162),
    ),
    "densenet121 fine-tune": (
        "{kind: pretrained, backbone: densenet121, weights: none, unfreeze_last: 29, " + DENSE + "0.4}}",
        (19_918_538, 13_519_882),
    ),
}


@pytest.mark.parametrize("study", STUDIES)
def test_a_fine_tuned_model_has_as_many_parameters_as_published(study: str, tmp_path: Path) -> None:
    text, published = STUDIES[study]
    assert counts(text, tmp_path, side=32, classes=10) == published
