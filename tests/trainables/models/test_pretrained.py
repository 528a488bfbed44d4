"""A backbone's weights move where they may and nowhere else; its statistics never do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spaces.config.trial import TrialConfig
from spaces.problem import InputError
from tests.trainables.small import config, digits, fit, measured, mobilenet
from trainables.training import checkpoint
from trainables.training.build import Built, Inputs, build, set_values
from trainables.training.checkpoint import Snapshot
from trainables.training.train import Hooks, weights_stamp

State = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of the smallest MobileNetV2, with statistics that are no defaults, as a file without its top."""
    network = keras.applications.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, include_top=False, weights=None)
    draw = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([draw.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    path = tmp_path_factory.mktemp("weights") / "mobilenet_v2.weights.h5"
    network.save_weights(path)
    return path


@dataclass(frozen=True)
class Tuned:
    """A fine-tuning of the two topmost blocks: the weights before it and at the end of each epoch, by path."""

    config: TrialConfig
    history: list[tuple[float, ...]]
    snapshots: tuple[Snapshot, ...]
    start: State
    epochs: tuple[State, ...]
    stock: keras.Model
    probabilities: np.ndarray


def state(built: Built, snapshot: Snapshot) -> State:
    """The weights in a snapshot by path; the generators' states and the optimizer's memory are left out."""
    paths = [variable.path for variable in built.model.variables]
    return {path: array for path, array in zip(paths, snapshot.arrays, strict=False) if "seed" not in path}


@pytest.fixture(scope="module")
def tuned(weights_file: Path) -> Tuned:
    settings = config(
        mobilenet(weights=str(weights_file), unfrozen_blocks=2, head_epochs=2, fine_tune_learning_rate=1e-3),
        optimizer={"learning_rate": 0.01},
        epochs=4,
    )
    snapshots: list[Snapshot] = []
    trained = fit(settings, hooks=Hooks(on_epoch=lambda row, reason, snapshot: snapshots.append(snapshot())))
    probabilities = trained.built.model.predict(digits()[1].images, verbose=0)
    stock = trained.model()
    set_values(trained.built, settings)
    start = state(trained.built, checkpoint.take(trained.built, ()))
    epochs = tuple(state(trained.built, snapshot) for snapshot in snapshots)
    return Tuned(settings, measured(trained), tuple(snapshots), start, epochs, stock, probabilities)


def moved(before: State, after: State) -> set[str]:
    """The paths of the weights that changed."""
    return {path for path in before if not np.array_equal(before[path], after[path])}


def is_head(path: str) -> bool:
    return path.startswith("classes")


def test_the_weights_of_the_file_are_loaded(tuned: Tuned, weights_file: Path) -> None:
    network = keras.applications.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, include_top=False, weights=None)
    network.load_weights(weights_file)
    backbone = {path.removeprefix("backbone/"): array for path, array in tuned.start.items() if not is_head(path)}
    theirs = {f"{layer.name}/{w.name}": w.numpy() for layer in network.layers for w in layer.weights}
    assert len(backbone) == len(theirs)
    for path, array in backbone.items():
        np.testing.assert_array_equal(array, theirs["/".join(path.split("/")[-2:])])


def test_the_head_trains_first_and_the_backbone_stays_untouched(tuned: Tuned) -> None:
    for epoch in tuned.epochs[:2]:
        assert moved(tuned.start, epoch) == {path for path in tuned.start if is_head(path)}


def test_then_the_topmost_blocks_train_and_no_others(tuned: Tuned) -> None:
    changed = moved(tuned.epochs[1], tuned.epochs[3])
    layers = {path.split("/")[-2] for path in changed if not is_head(path)}
    assert layers
    assert all(layer.startswith(("block_16_", "Conv_1")) for layer in layers)
    expected = {path for path in tuned.start if path.split("/")[-2].startswith(("block_16_", "Conv_1"))}
    assert {path.split("/")[-2] for path in expected} == layers


def test_statistics_never_move_while_gamma_and_beta_of_unfrozen_blocks_do(tuned: Tuned) -> None:
    changed = {path.split("/")[-1] for path in moved(tuned.start, tuned.epochs[3])}
    assert {"gamma", "beta", "kernel"} <= changed
    assert not changed & {"moving_mean", "moving_variance"}


def test_the_unfrozen_blocks_train_at_their_own_rate(tuned: Tuned) -> None:
    assert [row[-1] for row in tuned.history] == [0.01, 0.01, 0.001, 0.001]


def test_each_stage_starts_with_an_optimizer_without_memory(tuned: Tuned) -> None:
    """Adam counts its steps; seven batches an epoch."""
    counts = [
        next(int(a) for a in snapshot.arrays if a.shape == () and a.dtype == np.int64) for snapshot in tuned.snapshots
    ]
    assert counts == [7, 14, 7, 14]


@pytest.mark.parametrize("epoch", [2, 3])
def test_a_fine_tuning_continues_from_any_epoch_bit_for_bit(tuned: Tuned, epoch: int) -> None:
    """From between the two stages, and from within the second."""
    continued = fit(tuned.config, resume=tuned.snapshots[epoch - 1])
    assert measured(continued) == tuned.history


def test_the_stock_copy_predicts_the_same(tuned: Tuned) -> None:
    told = tuned.stock.predict(digits()[1].images, verbose=0)
    np.testing.assert_allclose(told, tuned.probabilities, atol=1e-6)


def test_at_depth_0_every_weight_of_the_backbone_stays(weights_file: Path) -> None:
    settings = config(mobilenet(weights=str(weights_file)), epochs=1)
    trained = fit(settings)
    after = state(trained.built, checkpoint.take(trained.built, ()))
    set_values(trained.built, settings)
    before = state(trained.built, checkpoint.take(trained.built, ()))
    assert moved(before, after) == {path for path in before if is_head(path)}


def test_random_weights_are_a_function_of_the_seed_alone() -> None:
    inputs = Inputs(shape=(8, 8, 1), classes=10, mean=(1.0,), variance=(1.0,))
    weights = []
    for global_seed in (1, 2):
        keras.utils.set_random_seed(global_seed)
        built = build(config(mobilenet()), inputs)
        for seed in (3, 4):
            set_values(built, config(mobilenet(), seed=seed))
            weights.append(np.concatenate([weight.ravel() for weight in built.model.get_weights()]))
    np.testing.assert_array_equal(weights[0], weights[2])
    assert not np.array_equal(weights[0], weights[1])


def test_a_file_that_is_no_weights_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.weights.h5"
    path.write_text("not at all")
    assert_refused(path)


def test_weights_of_another_width_are_refused(weights_file: Path) -> None:
    assert_refused(weights_file, alpha=0.5)


def assert_refused(path: Path, **model: Any) -> None:
    settings = config(mobilenet(weights=str(path), **model))
    with pytest.raises(InputError) as caught:
        fit(settings)
    (problem,) = caught.value.problems
    assert problem.path == ("model", "weights")
    assert "mobilenet_v2" in problem.rule
    assert str(path) in str(problem.given)


def test_a_weights_file_that_changed_gets_a_new_model(weights_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "copy.weights.h5"
    path.write_bytes(weights_file.read_bytes())
    settings = config(mobilenet(weights=str(path)))
    before = weights_stamp(settings)
    path.write_bytes(weights_file.read_bytes() + b"x")
    assert weights_stamp(settings) != before
    assert weights_stamp(config()) == ()


@pytest.mark.parametrize("way", [{"unfreeze_from": "Conv_1"}, {"unfreeze_last": 3}])
def test_layers_unfrozen_by_name_or_count_train_after_the_head_and_no_others_do(
    way: dict[str, Any], weights_file: Path
) -> None:
    """The last three layers are a convolution, its normalisation and an activation."""
    settings = config(mobilenet(**way, weights=str(weights_file), fine_tune_learning_rate=1e-3), epochs=2)
    snapshots: list[Snapshot] = []
    trained = fit(settings, hooks=Hooks(on_epoch=lambda row, reason, snapshot: snapshots.append(snapshot())))
    assert [row["learning_rate"] for row in trained.history] == pytest.approx([1e-3, 1e-3])
    first, second = (state(trained.built, snapshot) for snapshot in snapshots)
    changed = {"/".join(path.split("/")[-2:]) for path in moved(first, second) if not is_head(path)}
    assert changed == {"Conv_1/kernel", "Conv_1_bn/gamma", "Conv_1_bn/beta"}
