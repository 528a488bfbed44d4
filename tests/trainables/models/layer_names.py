"""Writes the record of every backbone's layers: what `trainables.models.backbones.layer_names` reads."""

from __future__ import annotations

import json
import os
from pathlib import Path

from trainables.process import prepare

prepare(cpus=os.cpu_count() or 1)

from spaces.config.trial import PretrainedModel  # noqa: E402
from trainables.models.backbones import BACKBONES, LAYER_NAMES  # noqa: E402
from trainables.models.pretrained import network_of  # noqa: E402


def built_names(backbone: str) -> tuple[str, ...]:
    """The names of a network's layers from the input up, found out by building it."""
    side = BACKBONES[backbone].min_size_px
    settings = PretrainedModel(kind="pretrained", backbone=backbone, weights="none", input_size=side)
    return tuple(layer.name for layer in network_of(settings).layers)


def write_layer_names(path: Path) -> None:
    """Writes the names of all backbones."""
    names = {backbone: " ".join(built_names(backbone)) for backbone in BACKBONES}
    path.write_text(json.dumps(names, indent=1) + "\n")


if __name__ == "__main__":
    write_layer_names(LAYER_NAMES)
