"""What tells stored features from others: everything that they are computed from, and what computes them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import tensorflow as tf

from spaces.config.trial import PretrainedModel
from trainables import features
from trainables.features.prefix import Prefix
from trainables.features.views import Views
from trainables.models import augment, backbones, head, pretrained

CODE: tuple[ModuleType, ...] = (augment, features.prefix, backbones, head, pretrained)
"""The modules that turn pixels into features: another version of them may do it in another way."""
KEY_DIGITS = 24


def key_of(model: PretrainedModel, prefix: Prefix, *, images: str, views: Views) -> str:
    """The name of the entry that holds what ``prefix`` computes of some views of ``images``, a name for them, their
    order and their part that no others have."""
    told: dict[str, Any] = {
        "versions": [keras.__version__, tf.__version__],
        "code": code_hash(),
        "images": images,
        "backbone": [model.backbone, model.alpha, model.input_size, prefix.weights_hash],
        "cuts": [str(cut) for cut in prefix.cuts],
        "shapes": [prefix.image_shape, *prefix.shapes],
        "dtype": prefix.dtype,
        "views": [views.count, views.strength, prefix.ranges.model_dump(mode="json") if views.strength else None],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:KEY_DIGITS]


def code_hash() -> str:
    """Of the source of `CODE`."""
    told = hashlib.sha256()
    for module in CODE:
        told.update(Path(str(module.__file__)).read_bytes())
    return told.hexdigest()
