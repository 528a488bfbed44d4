"""From a file, or the name of a ready sweep, to a checked sweep or a closed configuration."""

from __future__ import annotations

import pathlib

import pytest

from spaces.config.trial import FolderData, TrialConfig
from spaces.file.load import load_config, load_sweep, read_yaml, ready_sweeps, write_yaml
from spaces.file.sweep import Budget, Confirm, Resources, Wandb
from spaces.problem import InputError

CLOSED = "data: {source: digits}\nmodel: {kind: cnn, filters: [8, 16, 32]}\ntraining: {epochs: 3}\n"


@pytest.mark.parametrize("name", sorted(ready_sweeps()))
def test_every_ready_sweep_is_valid_and_has_a_baseline(name) -> None:
    sweep = load_sweep(name, check_files=False)
    assert sweep.name == name
    assert sweep.baseline


def test_the_digits_sweep_opens_the_five_hyperparameters_of_a_cnn() -> None:
    sweep = load_sweep("digits")
    names = {"model.filters", "model.dropout", "model.l2", "optimizer.learning_rate", "augmentation.strength"}
    assert set(sweep.open_values) == names
    assert sweep.search.trials >= 24
    assert sweep.epochs > sweep.search.grace_epochs


def test_an_unknown_name_lists_the_ready_sweeps_and_the_nearest(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"did you mean digits\? ready sweeps: .*digits"):
        load_sweep("digts")
    with pytest.raises(InputError, match="no such file"):
        load_sweep(tmp_path / "digits.yaml")


def test_a_file_goes_before_a_ready_sweep_and_a_folder_does_not(write, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert load_sweep("digits").epochs == load_sweep(ready_sweeps()["digits"]).epochs
    (tmp_path / "digits").rmdir()
    write(name="digits")
    assert load_sweep("digits").epochs == 9


def test_a_folder_is_no_sweep(tmp_path) -> None:
    with pytest.raises(InputError, match="folder"):
        load_sweep(str(tmp_path))


@pytest.mark.parametrize("off", ["off", "false"])
def test_off_and_false_mean_the_same(write, small, off) -> None:
    text = small.replace("blocks: 2", f"blocks: 2\n    batch_norm: {off}\n    head: {{batch_norm: {off}}}")
    sweep = load_sweep(write(f"{text}tracking: {off}\nconfirm: {off}\n"))
    assert sweep.confirm is None
    assert sweep.tracking.wandb == "off"
    assert load_sweep(write(f"{small}tracking: {{wandb: {off}}}\n")).tracking.wandb == "off"
    config = TrialConfig.model_validate(read_yaml(write(CLOSED.replace("kind: cnn", f"kind: cnn, batch_norm: {off}"))))
    assert config.model.model_dump()["batch_norm"] == "off"


def test_a_branch_labelled_off_may_be_the_baseline_false(write, small) -> None:
    branch = "{choice: {off: 0, on: {log: [1.0e-6, 1.0e-2]}}, baseline: false}"
    sweep = load_sweep(write(small.replace("{log: [1.0e-6, 1.0e-2], baseline: 1.0e-4}", branch)))
    assert sweep.baseline is not None
    assert sweep.baseline["model.l2"] == "off"


def test_sections_not_given_have_their_defaults(write, small) -> None:
    sweep = load_sweep(write(small + "budget:\n"))
    assert (sweep.budget, sweep.confirm, sweep.resources) == (Budget(), Confirm(), Resources())
    assert sweep.tracking.wandb == Wandb()


def test_sections_are_read(write, small) -> None:
    text = "budget: {hours: 8, usd: 3}\nconfirm: {top: 2, seeds: 3}\nresources: {gpus: 0.5, usd_per_hour: 2}\n"
    sweep = load_sweep(write(small + text))
    assert sweep.confirm == Confirm(top=2, seeds=3)
    assert sweep.resources == Resources(gpus=0.5, usd_per_hour=2)
    assert sweep.budget == Budget(hours=8, usd=3)


def test_the_sweep_of_a_run_can_be_run_again(write, small, tmp_path) -> None:
    sweep = load_sweep(write(small))
    write_yaml(tmp_path / "sweep.yaml", {**sweep.as_mapping(), "run": {"id": "x", "created": "now"}})
    assert load_sweep(tmp_path / "sweep.yaml").trial == sweep.trial


def test_a_sweep_without_a_trial_is_refused(write) -> None:
    for text in ("search: {trials: 3}\n", "trial:\nsearch: {trials: 3}\n", "trial: [1]\n"):
        with pytest.raises(InputError, match="needs a section `trial`"):
            load_sweep(write(text))


def test_a_configuration_is_read_with_its_provenance(write) -> None:
    config, provenance = load_config(write(CLOSED + "provenance: {trial: 3}\n"))
    assert config.training.epochs == 3
    assert provenance == {"trial": 3}
    assert load_config(write(CLOSED))[1] == {}


def test_what_a_configuration_says_of_itself_reads_back_equal(write, tmp_path) -> None:
    config, _ = load_config(write(CLOSED))
    write_yaml(tmp_path / "best.yaml", {**config.model_dump(), "provenance": {}})
    assert load_config(tmp_path / "best.yaml") == (config, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("trial: {}\n", "this is a sweep"),
        (CLOSED + "provenance: 3\n", "provenance must be a mapping"),
        (CLOSED + "extra: 3\n", "no such key"),
        (CLOSED.replace("kind: cnn", "kind: cnn, dropout: {uniform: [0, 1]}"), "give one value here"),
        (CLOSED.replace("kind: cnn", "kind: {choice: [cnn]}"), "must be one of cnn"),
        (CLOSED.replace("{source: digits}", "{source: npz, path: none.npz}"), "must be a file"),
    ],
)
def test_what_is_no_closed_configuration_is_refused_with_its_line(write, text, words) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_config(write(text))
    assert caught.value.problems[0].line is not None


def test_files_need_not_be_there_where_nobody_looks(write) -> None:
    file = write(CLOSED.replace("{source: digits}", "{source: folder, path: gone}"))
    config, _ = load_config(file, check_files=False)
    assert isinstance(config.data, FolderData)
    assert config.data.path == str(file.parent / "gone")


def test_a_home_folder_is_expanded(write, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "images").mkdir()
    config, _ = load_config(write(CLOSED.replace("{source: digits}", "{source: folder, path: ~/images}")))
    assert isinstance(config.data, FolderData)
    assert pathlib.Path(config.data.path) == tmp_path / "images"
