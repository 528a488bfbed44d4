"""What may change about a run between two sessions, and how a refusal names the difference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search.run.compatibility import lasting, other_versions, refuse_changes, refuse_unknown
from search.run.provenance import versions
from spaces.file.load import load_sweep
from spaces.problem import InputError
from tests.search.commands import TINY


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


def changed(file: Path, *overrides: str) -> list[str]:
    """The paths that are refused."""
    began = json.loads(json.dumps(lasting(load_sweep(file))))  # as a journal keeps it
    try:
        refuse_changes(load_sweep(file, overrides), began)
    except InputError as error:
        return [".".join(map(str, problem.path)) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "allowed",
    [
        "search.trials=60",
        "search.max_failures=9",
        "search.checkpoint_minutes=1",
        "search.sampler=random",
        "budget.hours=2",
        "resources.cpus=1",
        "resources.env=[HF_TOKEN]",
        "tracking=off",
        "trial.data.validation=0.2",
    ],
)
def test_what_leaves_trials_comparable_may_change(file: Path, allowed: str) -> None:
    assert changed(file, allowed) == []


@pytest.mark.parametrize(
    ("override", "path"),
    [
        ("search.metric=val_loss", "search.metric"),
        ("search.grace_epochs=2", "search.grace_epochs"),
        ("search.reduction_factor=4", "search.reduction_factor"),
        ("trial.training.epochs=9", "trial.training.epochs"),
        ("trial.model.blocks=2", "trial.model.blocks"),
    ],
)
def test_what_does_not_is_refused_by_name(file: Path, override: str, path: str) -> None:
    assert changed(file, override) == [path]


def test_every_difference_is_named_with_what_it_was_and_where_it_stands(file: Path) -> None:
    began = lasting(load_sweep(file))
    file.write_text(
        TINY.replace("[0.0, 0.5], baseline: 0.2", "[0.0, 0.9], baseline: 0.2").replace("epochs: 4", "epochs: 5")
    )
    with pytest.raises(InputError) as raised:
        refuse_changes(load_sweep(file), began)
    told = str(raised.value)
    assert "trial.model.dropout.uniform" in told
    assert "this began as [0.0, 0.5]; got [0.0, 0.9]" in told
    assert "trial.training.epochs" in told
    assert "search.warm_start" in told
    assert f"{file.name}:" in told


def test_a_run_of_an_older_version_is_held_against_nothing(file: Path) -> None:
    refuse_changes(load_sweep(file), None)
    refuse_unknown({"id": "0123abcd", "versions": {"tunehound": "0.0.1"}}, "sweep.yaml")


def test_a_run_older_than_stored_features_goes_on_without_them(file: Path) -> None:
    model = "trial.model={kind: pretrained, backbone: mobilenet_v2, weights: none, features: {store: %s}}"
    without, stored = (load_sweep(file, [model % store]) for store in ("off", "auto"))
    began = {path: value for path, value in lasting(stored).items() if not path.startswith("trial.model.features")}
    refuse_changes(without, began)
    with pytest.raises(InputError, match=r"trial\.model\.features\.store(?s:.*)this began as “off”") as refusal:
        refuse_changes(stored, began)
    assert len(refusal.value.problems) == 1


def test_a_run_of_a_later_format_is_refused_with_the_version_that_wrote_it() -> None:
    with pytest.raises(InputError, match=r"format 1[^0-9](.|\n)*Tunehound 9\.0"):
        refuse_unknown({"id": "0123abcd", "format": 2, "versions": {"tunehound": "9.0"}}, "sweep.yaml")


def test_other_versions_of_what_results_depend_on_are_named() -> None:
    assert other_versions({"versions": versions()}) is None
    told = other_versions({"versions": {**versions(), "keras": "2.0.0"}})
    assert told == f"not the versions that this run began with: keras 2.0.0 → {versions()['keras']}"


@pytest.mark.parametrize("given", [None, "../../x", "0123ABCD", "0123abcd\n", ["a"]])
def test_an_id_that_would_lead_elsewhere_is_refused(given: object) -> None:
    with pytest.raises(InputError, match=r"run\.id"):
        refuse_unknown({"id": given}, "sweep.yaml")
