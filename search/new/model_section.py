"""The model section of a first sweep: ranges and baselines that are sensible for the size of images and data."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
"""Backbone → what Keras calls the file of its weights without the top; the backbones that train fastest first."""

COMMENT_COLUMN = 52


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A file of weights on this machine."""

    backbone: str
    alpha: float
    file: Path


def find_weights() -> Weights | None:
    """The first backbone of `OFFICIAL_NAMES` whose weights Keras keeps on this machine, the widest of it."""
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"
    files = sorted(folder.glob("*.h5")) if folder.is_dir() else []
    for backbone, pattern in OFFICIAL_NAMES.items():
        found = [(name, file) for file in files if (name := re.fullmatch(pattern, file.name))]
        if backbone in BACKBONES and found:
            alphas = [(float(name.groupdict().get("alpha") or 1), file) for name, file in found]
            alpha, file = max(alphas)
            return Weights(backbone=backbone, alpha=alpha, file=file)
    return None


def commented(line: str, comment: str) -> str:
    """A line with a comment in the column where comments stand."""
    return f"{line:<{COMMENT_COLUMN}}  # {comment}"


def cnn_lines(side_px: int) -> Iterator[str]:
    """A network from scratch whose blocks halve the image until about five pixels are left."""
    blocks = max(1, min(5, int(math.log2(max(side_px, 1) / 4)) if side_px >= 4 else 1))
    left = side_px // 2**blocks
    yield "    kind: cnn"
    yield commented(f"    blocks: {blocks}", f"each halves the image: {side_px} → {left} pixels a side")
    if left == 0:
        yield commented("    pool_size: 1", "there is nothing to halve")
    yield "    convs_per_block: {int: [1, 2], baseline: 1}"
    filters = "    filters: {int: [16, 48], step: 16, baseline: 32}"
    yield commented(filters, "of the first block; each has twice those of the one before")
    yield "    dropout: {uniform: [0.0, 0.5], baseline: 0.2}"
    yield "    l2: {log: [1.0e-6, 1.0e-2], baseline: 1.0e-4}"


def pretrained_lines(weights: Weights, side_px: int) -> Iterator[str]:
    """A backbone found on this machine, a new head, and up to three unfrozen blocks."""
    yield "    kind: pretrained"
    yield f"    backbone: {weights.backbone}"
    if BACKBONES[weights.backbone].has_alpha:
        yield f"    alpha: {weights.alpha:g}"
    yield f"    weights: {json.dumps(str(weights.file), ensure_ascii=False)}"
    yield f"    input_size: {side_px}"
    yield commented("    unfrozen_blocks: {int: [0, 3], baseline: 0}", "from the top; 0 trains the head only")
    yield commented("    head_epochs: 2", "before the unfrozen blocks join in")
    yield "    fine_tune_learning_rate: {log: [1.0e-6, 1.0e-4], baseline: 1.0e-5}"
    yield "    l2: {log: [1.0e-6, 1.0e-2], baseline: 1.0e-4}"
    yield "    head: {pooling: average, dropout: {uniform: [0.0, 0.6], baseline: 0.2}}"
