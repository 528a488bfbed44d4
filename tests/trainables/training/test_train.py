"""One compiled model, many trials: the same as a fresh one, and every settable value acts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from spaces.config.trial import TrialConfig
from tests.trainables.small import config, digits, fit, measured, mobilenet
from trainables.models.fine_tuning import stages
from trainables.training import train as training
from trainables.training.train import Hooks, Trained, train

BASE: dict[str, Any] = {
    "model": {"dropout": 0.2, "l2": 1e-4},
    "optimizer": {"learning_rate": 0.01},
    "augmentation": {"strength": 0.3},
}

INPUTS = training.Inputs(shape=(8, 8, 1), classes=10, mean=(1.0,), variance=(1.0,))


@pytest.fixture
def no_kept_models() -> Iterator[None]:
    """Every training run before the test is forgotten."""
    training._kept.clear()
    yield
    training._kept.clear()


def traces(trained: Trained) -> int:
    """How often graphs for training and evaluation were traced."""
    return sum(steps.traces for steps in trained.built.steps.values())


def some_configs(count: int) -> list[TrialConfig]:
    """Two architectures and three optimizers in turn, everything settable at random."""
    draw = random.Random(0)
    optimizers = ({"name": "adam"}, {"name": "adamw", "weight_decay": draw.random()}, {"name": "sgd", "momentum": 0.9})
    return [
        config(
            {"filters": 4 + 2 * (number % 2), "dropout": draw.random() / 2, "l2": draw.random() / 100},
            optimizer={"learning_rate": 10 ** -draw.uniform(1, 3), **optimizers[number % 4 // 2]},
            augmentation={"strength": draw.random()},
            seed=draw.randrange(100),
            batch_size=draw.choice([16, 32]),
            epochs=1 + number % 2,
        )
        for number in range(count)
    ]


def test_a_reused_model_trains_like_a_fresh_one_bit_for_bit(no_kept_models: None) -> None:
    configs = some_configs(5)
    reused = [measured(fit(each)) for each in configs]
    assert len(training._kept) < len(configs)
    for number in (2, 4):
        training._kept.clear()
        assert measured(fit(configs[number])) == reused[number]


def test_settable_values_act_on_the_same_compiled_model_without_a_new_graph() -> None:
    first = fit(config(**BASE))
    model, graphs, histories = first.built.model, traces(first), [measured(first)]
    for change in (
        {"model": {**BASE["model"], "dropout": 0.6}},
        {"model": {**BASE["model"], "l2": 0.1}},
        {"optimizer": {"learning_rate": 0.1}},
        {"augmentation": {"strength": 1.0}},
        {"seed": 1},
    ):
        trained = fit(config(**{**BASE, **change}))
        assert trained.built.model is model
        histories.append(measured(trained))
    assert len({str(history) for history in histories}) == len(histories)
    assert traces(trained) == graphs
    assert measured(fit(config(**BASE))) == histories[0]


def test_no_batch_size_and_no_schedule_needs_a_new_graph() -> None:
    first = fit(config(**BASE))
    model, graphs = first.built.model, traces(first)
    schedule = {"schedule": {"kind": "exponential", "decay": 0.5}}
    other = fit(config(**{**BASE, "optimizer": {"learning_rate": 0.01, **schedule}}, batch_size=50))
    assert other.built.model is model
    assert traces(other) == graphs


def test_weight_decay_acts_without_a_new_graph() -> None:
    def weights(decay: float) -> tuple[Any, int, float]:
        trained = fit(config(optimizer={"name": "adamw", "learning_rate": 0.01, "weight_decay": decay}))
        model = trained.built.model
        return model, traces(trained), sum(float(np.square(w).sum()) for w in model.get_weights())

    (model, graphs, free), (same_model, same_graphs, decayed) = weights(0.0), weights(0.9)
    assert (same_model, same_graphs) == (model, graphs)
    assert decayed < free


def test_the_penalty_is_in_the_loss_and_not_in_the_validation_loss() -> None:
    still = {"optimizer": {"learning_rate": 1e-30}, "epochs": 1}
    without, with_penalty = (fit(config({"l2": l2}, **still)) for l2 in (0.0, 0.5))
    kernels = [w for w in with_penalty.built.model.trainable_variables if w.name == "kernel"]
    penalty = 0.5 * sum(float(np.square(kernel.numpy()).sum()) for kernel in kernels)
    one, other = without.history[0], with_penalty.history[0]
    assert other["loss"] - one["loss"] == pytest.approx(penalty, rel=1e-4)
    assert other["val_loss"] == one["val_loss"]


def test_the_same_seed_gives_the_same_history_and_another_seed_another() -> None:
    one, same, other = (measured(fit(config(**BASE, seed=seed))) for seed in (3, 3, 4))
    assert one == same
    assert one != other


def test_replayed_learning_rates_win_over_the_schedule() -> None:
    rates = [0.003, 0.0007]
    assert [row["learning_rate"] for row in fit(config(**BASE), learning_rates=rates).history] == rates


def test_a_schedule_sets_the_rate_of_each_epoch() -> None:
    schedule = {"learning_rate": 0.01, "schedule": {"kind": "exponential", "decay": 0.6931471805599453}}
    rates = [row["learning_rate"] for row in fit(config(optimizer=schedule, epochs=3)).history]
    assert rates == pytest.approx([0.01, 0.005, 0.0025], rel=1e-6)


def test_the_last_small_batch_of_validation_counts_as_much_as_its_images() -> None:
    trained = fit(config(**BASE))
    _, validation = digits()
    probabilities = trained.model().predict(validation.images, verbose=0)
    row = trained.history[-1]
    assert row["val_accuracy"] == pytest.approx((probabilities.argmax(1) == validation.labels).mean())
    losses = -np.log(probabilities[np.arange(len(validation.labels)), validation.labels])
    assert row["val_loss"] == pytest.approx(losses.mean(), rel=1e-5)


def test_training_learns() -> None:
    model = {"filters": 8, "batch_norm": "off", "head": {"pooling": "flatten"}}
    settings = config(model, optimizer={"learning_rate": 0.01}, batch_size=16, epochs=5)
    assert fit(settings).history[-1]["val_accuracy"] > 0.7


def test_without_validation_nothing_is_measured_there_and_patience_is_not_asked() -> None:
    images, _ = digits()
    trained = train(config(optimizer={"learning_rate": 1e-30}, patience=1, epochs=3), images, classes=10)
    assert [row["epoch"] for row in trained.history] == [1, 2, 3]
    assert not any(name.startswith("val_") for name in trained.history[0])


def test_a_shorter_epoch_ends_after_its_steps_and_the_next_sees_other_images() -> None:
    short = fit(config(**BASE, batch_size=16, steps_per_epoch=3, epochs=3))
    assert [int(short.built.optimizer.iterations.numpy()), len(short.history)] == [9, 3]
    snapshots: list[Any] = []
    hooks = Hooks(on_epoch=lambda row, reason, snapshot: snapshots.append(snapshot()))
    settings = config(**BASE, batch_size=16, steps_per_epoch=3, epochs=3)
    fit(settings, hooks=hooks)
    assert measured(fit(settings, resume=snapshots[0])) == measured(short)


def test_more_steps_than_cover_the_images_once_are_not_made() -> None:
    assert measured(fit(config(**BASE, steps_per_epoch=1000))) == measured(fit(config(**BASE)))


def test_the_hook_gets_each_row_with_the_reason_of_the_last() -> None:
    told: list[tuple[float, Any]] = []
    fit(config(**BASE), hooks=Hooks(on_epoch=lambda row, reason, snapshot: told.append((row["epoch"], reason))))
    assert told == [(1, None), (2, "finished")]


def test_a_process_keeps_a_few_models_and_drops_the_one_used_longest_ago(no_kept_models: None) -> None:
    for filters in range(1, training.KEPT_MODELS + 1):
        training.compiled(config({"filters": filters}), INPUTS)
    training.compiled(config({"filters": 1}), INPUTS)
    training.compiled(config({"filters": 9}), INPUTS)
    widths = [built.model.get_layer("block_1_conv_1").filters for built in training._kept.values()]
    assert widths == [3, 4, 1, 9]


def test_other_inputs_get_another_model(no_kept_models: None) -> None:
    one = training.compiled(config(), INPUTS)
    other = training.compiled(config(), training.Inputs(shape=(8, 8, 1), classes=10, mean=(2.0,), variance=(1.0,)))
    assert one is not other


def spans(settings: TrialConfig) -> list[tuple[int, int, bool, float]]:
    told = stages(settings)
    return [(each.first_epoch, each.last_epoch, each.unfrozen, each.learning_rate) for each in told]


def test_a_fine_tuned_backbone_trains_its_head_first_then_at_its_own_rate() -> None:
    model = mobilenet(unfrozen_blocks=2, head_epochs=3, fine_tune_learning_rate=1e-5)
    assert spans(config(model, epochs=5)) == [(1, 3, False, 1e-3), (4, 5, True, 1e-5)]


def test_everything_else_trains_in_one_stage() -> None:
    assert spans(config(epochs=5)) == [(1, 5, True, 1e-3)]
    assert spans(config(mobilenet(unfrozen_blocks=0), epochs=5)) == [(1, 5, True, 1e-3)]


def test_a_replay_that_ends_within_the_head_stage_unfreezes_nothing() -> None:
    settings = config(mobilenet(unfrozen_blocks=2, head_epochs=3), epochs=5)
    short = settings.model_copy(update={"training": settings.training.model_copy(update={"epochs": 2})})
    assert spans(short) == [(1, 2, False, 1e-3)]
