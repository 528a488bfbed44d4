"""The model section of a first sweep: sensible ranges and baselines for the image size and amount of data."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainables.keras_settings import keras_home
from trainables.models.backbones import BACKBONES

OFFICIAL_NAMES = {
    "mobilenet_v2": r"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_(?P<alpha>[\d.]+)_\d+_no_top\.h5",
    "efficientnet_b0": r"efficientnetb0_notop\.h5",
    "efficientnet_v2_b0": r"efficientnetv2-b0_notop\.h5",
    "densenet121": r"densenet121_weights_tf_dim_ordering_tf_kernels_notop\.h5",
    "resnet50": r"resnet50_weights_tf_dim_ordering_tf_kernels_notop\.h5",
    "inception_v3": r"inception_v3_weights_tf_dim_ordering_tf_kernels_notop\.h5",
    "vgg16": r"vgg16_weights_tf_dim_ordering_tf_kernels_notop\.h5",
}
"""Backbone → file name that Keras uses for its weights without the top; fastest to train first."""

COMMENT_COLUMN = 52


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A weights file on this machine."""

    backbone: str
    alpha: float
    file: Path


def find_weights() -> Weights | None:
    """Return the first backbone of `OFFICIAL_NAMES` whose weights Keras has on this machine, the widest if several."""
    folder = keras_home() / "models"
    files = sorted(folder.glob("*.h5")) if folder.is_dir() else []
    for backbone, pattern in OFFICIAL_NAMES.items():
        found = [(name, file) for file in files if (name := re.fullmatch(pattern, file.name))]
        if backbone in BACKBONES and found:
            alphas = [(float(name.groupdict().get("alpha") or 1), file) for name, file in found]
            alpha, file = max(alphas)
            return Weights(backbone=backbone, alpha=alpha, file=file)
    return None


def with_comment(line: str, comment: str) -> str:
    """Return a line with its comment in the comment column."""
    return f"{line:<{COMMENT_COLUMN}}  # {comment}"


def cnn_lines(side_px: int) -> Iterator[str]:
    """Yield a network to train from scratch whose blocks halve the image down to about five pixels."""
    blocks = max(1, min(5, int(math.log2(max(side_px, 1) / 4)) if side_px >= 4 else 1))
    left = side_px // 2**blocks
    yield "    kind: cnn"
    yield with_comment(f"    blocks: {blocks}", f"each halves the image: {side_px} → {left} pixels per side")
    if left == 0:
        yield with_comment("    pool_size: 1", "the images are too small to halve")
    yield "    convs_per_block: {int: [1, 2], baseline: 1}"
    filters = "    filters: {int: [16, 48], step: 16, baseline: 32}"
    yield with_comment(filters, "in the first block; doubled in each further block")
    yield "    dropout: {uniform: [0.0, 0.5], baseline: 0.2}"
    yield "    l2: {log: [1.0e-6, 1.0e-2], baseline: 1.0e-4}"


def pretrained_lines(weights: Weights, side_px: int) -> Iterator[str]:
    """Yield a backbone found on this machine with a new head and up to three unfrozen blocks."""
    yield "    kind: pretrained"
    yield f"    backbone: {weights.backbone}"
    if BACKBONES[weights.backbone].has_alpha:
        yield f"    alpha: {weights.alpha:g}"
    yield f"    weights: {json.dumps(str(weights.file), ensure_ascii=False)}"
    yield f"    input_size: {side_px}"
    yield with_comment("    unfrozen_blocks: {int: [0, 3], baseline: 0}", "from the top; 0 trains the head only")
    yield with_comment("    head_epochs: 2", "head only, before the unfrozen blocks train too")
    yield "    fine_tune_learning_rate: {log: [1.0e-6, 1.0e-4], baseline: 1.0e-5}"
    yield "    l2: {log: [1.0e-6, 1.0e-2], baseline: 1.0e-4}"
    yield "    head: {pooling: average, dropout: {uniform: [0.0, 0.6], baseline: 0.2}}"
