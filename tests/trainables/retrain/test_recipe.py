"""How long to retrain and at which rates: replayed, unless somebody says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spaces.file.write import write_yaml
from spaces.problem import InputError
from tests.trainables.small import config, mobilenet
from trainables.retrain.recipe import read_recipe

RATES = [0.01, 0.005, 0.0025]


def best(folder: Path, *, model: Any = None, **provenance: Any) -> Path:
    settings = config(model, epochs=9, seed=4).model_dump(mode="json")
    if provenance:
        settings["provenance"] = {"metric": "val_loss", **provenance}
    write_yaml(folder / "best.yaml", settings)
    return folder / "best.yaml"


def test_epochs_and_rates_are_replayed(tmp_path: Path) -> None:
    recipe = read_recipe(best(tmp_path, epochs=3, learning_rates=RATES), (), replay=True)
    assert recipe.learning_rates == tuple(RATES)
    assert recipe.metric == "val_loss"
    training = recipe.training_config(seed=7).training
    assert (training.epochs, training.seed) == (3, 7)
    assert recipe.config.training.epochs == 9


def test_a_file_that_says_nothing_of_its_trial_follows_its_schedule(tmp_path: Path) -> None:
    recipe = read_recipe(best(tmp_path), (), replay=True)
    assert (recipe.learning_rates, recipe.metric) == (None, "val_accuracy")
    assert recipe.training_config(seed=4).training.epochs == 9


def test_with_a_held_out_part_nothing_is_replayed(tmp_path: Path) -> None:
    recipe = read_recipe(best(tmp_path, epochs=3, learning_rates=RATES), (), replay=False)
    assert recipe.learning_rates is None
    assert recipe.training_config(seed=4).training.epochs == 9


@pytest.mark.parametrize(
    "override", ["training.epochs=5", "optimizer.learning_rate=0.1", "optimizer.schedule={kind: cosine}"]
)
def test_an_override_of_the_pace_wins_over_the_replay_and_is_told(tmp_path: Path, override: str) -> None:
    told: list[str] = []
    path = best(tmp_path, epochs=3, learning_rates=RATES)
    assert read_recipe(path, [override], replay=True, tell=told.append).learning_rates is None
    assert len(told) == 1


def test_an_override_of_the_stages_wins_too(tmp_path: Path) -> None:
    model = mobilenet(unfrozen_blocks=1, head_epochs=2)
    path = best(tmp_path, model=model, epochs=3, learning_rates=RATES)
    assert read_recipe(path, ["model.head_epochs=1"], replay=True).learning_rates is None
    assert read_recipe(path, ["model.head.dropout=0.1"], replay=True).learning_rates == tuple(RATES)


@pytest.mark.parametrize("override", ["model.dropout=0.4", "training.seed=9", "training.batch_size=16"])
def test_other_overrides_leave_the_replay(tmp_path: Path, override: str) -> None:
    told: list[str] = []
    path = best(tmp_path, epochs=3, learning_rates=RATES)
    assert read_recipe(path, [override], replay=True, tell=told.append).learning_rates == tuple(RATES)
    assert told == []


@pytest.mark.parametrize(
    ("epochs", "rates"),
    [(3, RATES[:2]), (2, [0.1, "0.1"]), (1, [-0.1]), (None, RATES), (0, []), (2, "ab")],
)
def test_a_replay_that_is_none_is_refused(tmp_path: Path, epochs: Any, rates: Any) -> None:
    path = best(tmp_path, epochs=epochs, learning_rates=rates)
    with pytest.raises(InputError, match=r"best\.yaml  provenance"):
        read_recipe(path, (), replay=True)
