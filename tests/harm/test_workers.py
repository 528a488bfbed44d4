"""A trial's process dies, in training or while it writes its checkpoint; or what the trial runs is wrong itself."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from search.run.history import read_history
from search.run.reader import open_run
from search.run.trials import reason
from tests.harm.doing import driven, ended, epochs, kill, kill_while_it_writes, trainers, until
from tests.harm.sound import assert_sound
from tests.harm.sweeps import ALONE, LONG, RUN, WIDE, written
from tests.search.commands import call


@pytest.mark.parametrize("seed", range(3))
def test_trials_whose_processes_are_killed_in_training_go_on(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    run = written(tmp_path, LONG)
    with driven(*RUN, cwd=tmp_path) as driver:
        for epoch in sorted(draw.sample(range(1, 40), 2)):
            until(lambda epoch=epoch: len(epochs(run, 0)) >= epoch, of=driver)
            time.sleep(draw.uniform(0, 0.2))
            kill(trainers(driver))
        assert ended(driver) == 0, driver.said
    assert_sound(run, trials=3)
    assert epochs(run, 0) == list(range(1, 121))


def test_a_trial_killed_twice_while_it_writes_its_checkpoint_goes_on_from_the_one_before(tmp_path: Path) -> None:
    run = written(tmp_path, WIDE)
    history = run / "trials" / "0" / "history.csv"
    with driven(*RUN, cwd=tmp_path) as driver:
        kill_while_it_writes(run / "trials" / "0" / "checkpoint", driver)
        first = read_history(history)[0]
        killed = [each.pid for each in trainers(driver)]
        until(lambda: any(each.pid not in killed for each in trainers(driver)), of=driver)
        kill_while_it_writes(run / "trials" / "0" / "checkpoint", driver)
        assert ended(driver) == 0, driver.said
    assert_sound(run, trials=3)
    assert epochs(run, 0) == list(range(1, 26))
    assert read_history(history)[0] == first, "the first epoch was trained again"


def test_a_trial_is_given_up_after_max_failures_and_the_sweep_goes_on(tmp_path: Path) -> None:
    run = written(tmp_path, ALONE.replace("trials: 3", "trials: 2, max_failures: 1"))
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 2, of=driver)
        first = trainers(driver)
        kill(first)
        until(lambda: {each.pid for each in trainers(driver)} - {each.pid for each in first}, of=driver)
        kill(trainers(driver))
        assert ended(driver) == 0, driver.said
    lost, other = open_run(run).trials
    assert (lost.state.name, reason(lost)) == ("FAIL", "lost")
    assert other.state.name in ("COMPLETE", "PRUNED")


MODULE = """
import sys

import keras

def build(values, image_shape, classes):
    if values["units"] == 32 and "ray" in sys.modules:
        raise ValueError("too wide for this machine")
    x = images = keras.Input(image_shape)
    x = keras.layers.Dense(values["units"], activation="relu")(keras.layers.Flatten()(x))
    return keras.Model(images, keras.layers.Dense(classes, activation="softmax")(x))
"""
CORNER = """
trial:
  data: {source: digits}
  model: {kind: custom, build: my_models:build, values: {units: {choice: [8, 16, 32], baseline: 16}}}
  training: {epochs: 2}
search: {trials: 3, scheduler: none}
confirm: off
tracking: off
"""


def test_a_trial_whose_own_code_fails_at_a_corner_is_recorded_once_and_the_sweep_goes_on(tmp_path: Path) -> None:
    run = written(tmp_path, CORNER)
    (tmp_path / "my_models.py").write_text(MODULE)
    done = call(*RUN, "--trust", "my_models", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    trials = {trial.params["model.values.units"]: trial for trial in open_run(run).trials}
    assert {units: trial.state.name for units, trial in trials.items()} == {8: "COMPLETE", 16: "COMPLETE", 32: "FAIL"}
    assert reason(trials[32]) == "error"
    told = (run / "trials" / str(trials[32].number) / "error.txt").read_text()
    assert "Traceback" in told
    assert "too wide for this machine" in told
    assert_sound(run, trials=3)


FAILING = """
import sys

import keras


def build(values, image_shape, classes):
    if "ray" in sys.modules:
        raise RuntimeError("no licence on this machine")
    return keras.Sequential([keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(classes, "softmax")])
"""
"""A model that can be built where the sweep is checked, and not where its trials run."""


def test_a_sweep_whose_first_trials_all_fail_stops_early_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    (tmp_path / "wrong.yaml").write_text(
        "trial:\n  data: {source: digits}\n  model: {kind: custom, build: 'failing:build'}\n"
        "  optimizer: {learning_rate: {log: [1.0e-4, 1.0e-2], baseline: 1.0e-3}}\n  training: {epochs: 2}\n"
        "search: {trials: 20, scheduler: none}\nconfirm: off\ntracking: off\nresources: {cpus: 2}\n"
    )
    done = call("run", "wrong.yaml", "--name", "wrong", "--trust", "failing", cwd=tmp_path)
    run = tmp_path / "runs" / "wrong"
    assert done.returncode == 1
    assert "the first 3 trials all failed" in done.stderr
    assert "error.txt" in done.stderr
    trials = open_run(run).trials
    assert len(trials) < 8
    assert "no licence" in (run / "trials" / "0" / "error.txt").read_text()
    assert trials[0].state.name == "FAIL"
