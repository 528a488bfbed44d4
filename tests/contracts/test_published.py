"""The models of the hand-tuned studies, written as configurations, have as many parameters as were published."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaces.file.load import load_config
from trainables.preflight.describe import describe

DENSE = "head: {pooling: flatten, units: [256, 128], batch_norm: true, dropout: "
STUDIES = {
    "architecture 1": (
        "{kind: cnn, blocks: 2, convs_per_block: 2, filters: 64, batch_norm: after, dropout: 0.3, " + DENSE + "0.4}}",
        (2_394_826, None),
    ),
    "architecture 2": (
        "{kind: cnn, blocks: 4, filters: [32, 64, 128, 128], pool: [true, true, true, false], "
        "dropout: [0.25, 0.3, 0.3, 0.4], " + DENSE + "0.4}}",
        (802_506, None),
    ),
    "architecture 2, leaky": (
        "{kind: cnn, blocks: 4, filters: [32, 64, 128, 128], pool: [true, true, true, false], activation: leaky_relu, "
        "negative_slope: 0.1, dropout: [0.25, 0.3, 0.3, 0.4], "
        "head: {pooling: flatten, units: [256, 128], dropout: 0.4}}",
        (800_970, None),
    ),
    "architecture 3": (
        "{kind: cnn, blocks: 3, convs_per_block: 2, filters: [64, 128, 128], initializer: he_uniform, l2: 1.0e-4, "
        "conv_dropout: [0.3, 0, 0.3, 0, 0.4, 0], dropout: [0.3, 0.3, 0.4], " + DENSE + "0.5}}",
        (1_118_154, None),
    ),
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
DOGS = "{kind: pretrained, backbone: mobilenet_v2, weights: none, head: {dropout: 0.2}}"


def counts(text: str, folder: Path, *, side: int, classes: int) -> tuple[int, int]:
    file = folder / "config.yaml"
    file.write_text(f"data: {{source: digits}}\nmodel: {text}\ntraining: {{epochs: 9}}\n")
    described = describe(load_config(file)[0], image_shape=(side, side, 3), classes=classes)
    assert sum(part.parameters for part in described.parts) == described.parameters
    assert sum(part.trainable_parameters for part in described.parts) == described.trainable_parameters
    return described.parameters, described.trainable_parameters


@pytest.mark.parametrize("study", STUDIES)
def test_a_cifar_model_has_as_many_parameters_as_published(study: str, tmp_path: Path) -> None:
    text, (parameters, trainable) = STUDIES[study]
    found = counts(text, tmp_path, side=32, classes=10)
    assert found == (parameters, trainable or found[1])


def test_the_frozen_mobilenet_of_the_dogs_has_as_many_parameters_as_published(tmp_path: Path) -> None:
    assert counts(DOGS, tmp_path, side=224, classes=120) == (2_411_704, 153_720)
