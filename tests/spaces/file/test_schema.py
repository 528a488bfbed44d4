"""The JSON Schema for editors accepts what loads and marks what does not."""

from __future__ import annotations

import json

import jsonschema
import pytest

from spaces.file.document import read_document, read_yaml
from spaces.file.load import load_sweep, ready_sweeps
from spaces.file.overrides import overridden
from spaces.file.schema import schema

VALIDATOR = jsonschema.Draft202012Validator(schema())


def as_json(value):
    return json.loads(json.dumps(value))


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", sorted(ready_sweeps()))
def test_ready_sweeps_are_valid_as_written_and_as_run(name) -> None:
    VALIDATOR.validate(as_json(read_yaml(ready_sweeps()[name])))
    VALIDATOR.validate(as_json(load_sweep(name, check_files=False).as_mapping()))


@pytest.mark.parametrize(
    "override",
    [
        "model={choice: {a: {kind: cnn, dropout: {uniform: [0, 0.5]}}, b: {kind: cnn}}, baseline: a}",
        "model.l2={choice: {off: 0, on: {log: [1.0e-6, 1.0e-2]}}, baseline: off}",
        "model.l2={choice: {off: 0, on: {choice: {a: 0.1, b: {log: [1.0e-6, 1.0e-2]}}}}}",
        "model.filters={choice: {narrow: [8, 16], wide: [{int: [16, 32]}, 64]}}",
        "augmentation.policy={choice: {none: [], some: [flip]}}",
        "optimizer.schedule={kind: plateau, patience: {int: [2, 4]}}",
        "training.batch_size={int: [16, 64], log: true}",
        "model.batch_norm=false",
        "model.head.batch_norm=off",
        "tracking=off",
        "confirm={top: 2}",
        "resources={gpus: 0.5}",
    ],
)
def test_what_may_be_written_is_valid(small, write, override) -> None:
    VALIDATOR.validate(as_json(overridden(read_document(write()), [override]).data))


@pytest.mark.parametrize(
    "override",
    [
        "model.drpout=0.1",
        "model.dropout={unifrom: [0, 1]}",
        "model.dropout={uniform: [0]}",
        "model.dropout={uniform: [0, 1], log: [1, 2]}",
        "model.dropout=2",
        "model.l2={log: [0, 1]}",
        "model.batch_norm={uniform: [0, 1]}",
        "training.epochs={int: [3, 9]}",
        "training={choice: {a: {epochs: 9}}}",
        "search.trials={int: [3, 9]}",
        "search.metric=val_acuracy",
        "confirm=5",
    ],
)
def test_what_may_not_be_written_is_invalid(write, override) -> None:
    assert not VALIDATOR.is_valid(as_json(overridden(read_document(write()), [override]).data))


def test_every_setting_has_a_sentence() -> None:
    def sections(node):
        if isinstance(node, dict):
            if "properties" in node and "const" not in node:
                yield node
            for each in node.values():
                yield from sections(each)
        elif isinstance(node, list):
            for each in node:
                yield from sections(each)

    domains = {"uniform", "log", "int", "choice", "step", "baseline"}
    named = {"source", "kind", "trial"}
    silent = [
        key
        for section in sections(schema())
        for key, value in section["properties"].items()
        if not value.get("description") and key not in domains | named
    ]
    assert not silent
