"""A small sweep that the tests change, and a way to write it down."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

SMALL = """\
trial:
  data: {source: digits}
  model:
    kind: cnn
    blocks: 2
    filters: {int: [8, 32], step: 8, baseline: 16}
    dropout: {uniform: [0.0, 0.5], baseline: 0.25}
    l2: {log: [1.0e-6, 1.0e-2], baseline: 1.0e-4}
  augmentation: {policy: [flip], strength: {uniform: [0, 1], step: 0.25, baseline: 0.5}}
  optimizer: {name: {choice: [adam, sgd], baseline: adam}}
  training: {epochs: 9, patience: 3}
search: {trials: 8, grace_epochs: 2}
"""

Write = Callable[..., pathlib.Path]


@pytest.fixture
def small() -> str:
    return SMALL


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Write:
    def written(text: str | bytes = SMALL, name: str = "small.yaml") -> pathlib.Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written
