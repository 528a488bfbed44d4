"""`--set PATH=VALUE`: a path is what the file shows, a value is YAML."""

from __future__ import annotations

import pathlib

import pytest

from spaces.domains.domain import NO_BASELINE, Uniform
from spaces.file.load import load_config, load_sweep
from spaces.file.sweep import Confirm, Wandb
from spaces.problem import InputError


@pytest.mark.parametrize("path", ["model.blocks=3", "trial.model.blocks=3", " trial.model.blocks =3"])
def test_trial_may_be_left_out_of_a_path(write, path) -> None:
    assert load_sweep(write(), [path]).trial["model"]["blocks"] == 3


def test_a_domain_set_without_a_baseline_keeps_the_one_that_stood_there(write) -> None:
    sweep = load_sweep(write(), ["trial.model.dropout={uniform: [0, 0.4]}"])
    assert sweep.open_values["model.dropout"] == Uniform(low=0.0, high=0.4, baseline=0.25)


def test_a_fixed_value_that_is_opened_becomes_the_baseline(write) -> None:
    sweep = load_sweep(write(), ["model.blocks={int: [1, 3]}"])
    assert sweep.baseline is not None
    assert sweep.baseline["model.blocks"] == 2


def test_a_fixed_value_is_no_baseline_where_no_others_are_given(write) -> None:
    file = write("trial:\n  data: {source: digits}\n  model: {kind: cnn, blocks: 2}\n  training: {epochs: 3}\n")
    sweep = load_sweep(file, ["model.blocks={int: [1, 3]}"])
    assert sweep.open_values["model.blocks"].baseline is NO_BASELINE
    assert sweep.baseline is None


def test_a_baseline_outside_the_new_domain_is_asked_for(write) -> None:
    with pytest.raises(InputError, match=r"--set model\.dropout=.*trial\.model\.dropout\n.*this one has none"):
        load_sweep(write(), ["model.dropout={uniform: [0.3, 0.5]}"])


def test_a_domain_with_its_own_baseline_keeps_that_one(write) -> None:
    sweep = load_sweep(write(), ["model.dropout={uniform: [0, 0.5], baseline: 0.5}"])
    assert sweep.open_values["model.dropout"].baseline == 0.5


def test_parts_of_a_domain_can_be_set(write) -> None:
    file = write()
    sweep = load_sweep(file, ["model.dropout.baseline=0.1", "model.dropout.uniform.1=0.3", "model.dropout.step=0.1"])
    assert sweep.open_values["model.dropout"] == Uniform(low=0.0, high=0.3, step=0.1, baseline=0.1)


def test_a_value_inside_a_branch_is_set_by_the_path_that_the_file_shows(write, small) -> None:
    file = write(small.replace("blocks: 2", "l2: 0").replace("    l2: {log: [1.0e-6, 1.0e-2], baseline: 1.0e-4}\n", ""))
    branches = "model.l2={choice: {none: 0, some: {log: [1.0e-6, 1.0e-2]}}, baseline: none}"
    sweep = load_sweep(file, [branches, "model.l2.choice.some.log.0=1.0e-5", "model.filters=8"])
    assert sweep.open_values["model.l2.some"].low == 1e-5


def test_a_list_entry_is_set_by_its_position(write) -> None:
    sweep = load_sweep(write(), ["augmentation.policy.0=zoom"])
    assert sweep.trial["augmentation"]["policy"] == ("zoom",)


def test_missing_sections_are_made(write) -> None:
    sweep = load_sweep(write(), ["budget.hours=2", "model.head.units=[8]"])
    assert sweep.budget.hours == 2
    assert sweep.trial["model"]["head"]["units"] == (8,)


def test_words_give_way_to_a_section_when_something_below_them_is_set(write, small) -> None:
    file = write(small + "confirm: off\nresources: auto\ntracking: {wandb: false}\n")
    sweep = load_sweep(file, ["confirm.top=2", "resources.gpus=0.5", "tracking.wandb.project=x"])
    assert sweep.confirm == Confirm(top=2)
    assert sweep.resources.gpus == 0.5
    assert sweep.tracking.wandb == Wandb(project="x")
    sweep = load_sweep(write(small + "tracking: off\n"), ["tracking.wandb.entity=me"])
    assert sweep.tracking.wandb == Wandb(entity="me")


def test_the_last_of_two_overrides_holds(write) -> None:
    assert load_sweep(write(), ["search.trials=3", "search.trials=4"]).search.trials == 4


def test_an_override_may_leave_a_list_that_an_earlier_one_reached_into(write) -> None:
    with pytest.raises(InputError, match="must be a list"):
        load_sweep(write(), ["augmentation.policy.0=zoom", "augmentation.policy=flip"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("foo", "PATH=VALUE"),
        ("=3", "PATH=VALUE"),
        ("model..dropout=3", "PATH=VALUE"),
        ("modle.dropout=3", "did you mean model"),
        ("serach.trials=3", "did you mean search"),
        ("run.id=3", "no section run"),
        ("model.drpout=0.3", "did you mean dropout"),
        ("model.haed.dropout=0.3", "did you mean head"),
        ("search.trails=3", "did you mean trials"),
        ("model.dropout.baselin=0.3", "did you mean baseline"),
        ("model.dropout.low=0.3", "not a section"),
        ("model.blocks.x=3", "nothing below it"),
        ("augmentation.policy.7=zoom", "positions 0 to 0"),
        ("augmentation.policy.x=zoom", "positions 0 to 0"),
        ("optimizer.name.choice.0.x=1", "nothing below it"),
        ("model.dropout=[1", "not valid YAML"),
        ("model.dropout=!x 1", "tag"),
        ("model.dropout={a: 1, a: 2}", "only once"),
        ("model.dropout=2", "≥ 0 and < 1"),
        ("training.epochs={int: [2, 3]}", "horizon"),
        ("search.trials={int: [2, 3]}", "below `trial`"),
        ("trial=3", "needs a section"),
        ("confirm.top=x", "whole number"),
    ],
)
def test_a_wrong_override_is_refused_and_shown_as_its_source(write, text, words) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_sweep(write(), [text])
    assert caught.value.problems[0].source == f"--set {text}"
    assert str(caught.value).startswith(f"--set {text}")


def test_the_path_into_a_branch_is_suggested(write) -> None:
    branches = "model={choice: {small: {kind: cnn}, large: {kind: cnn}}, baseline: small}"
    with pytest.raises(InputError, match=r"did you mean choice\.small"):
        load_sweep(write(), [branches, "model.small.blocks=2"])
    with pytest.raises(InputError, match="did you mean small"):
        load_sweep(write(), [branches, "model.choice.smal.blocks=2"])


def test_all_wrong_overrides_are_told_together(write) -> None:
    with pytest.raises(InputError) as caught:
        load_sweep(write(), ["foo", "search.trials=3", "modle.x=1"])
    assert [problem.source for problem in caught.value.problems] == ["--set foo", "--set modle.x=1"]


def test_mistakes_of_overrides_come_after_those_of_the_file(write, small) -> None:
    with pytest.raises(InputError) as caught:
        load_sweep(write(small.replace("trials: 8", "trials: 0")), ["model.blocks=0"])
    assert [problem.line for problem in caught.value.problems] == [12, None]


def test_a_relative_name_counts_from_the_file_and_in_an_override_from_the_current_folder(
    write, small, tmp_path, monkeypatch
) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder / "images").mkdir(parents=True)
    file = write(small.replace("{source: digits}", "{source: folder, path: images}"), name="there/small.yaml")
    monkeypatch.chdir(tmp_path / "here")
    assert load_sweep(file).trial["data"]["path"] == str(tmp_path / "there" / "images")
    assert load_sweep(file, ["data.path=images"]).trial["data"]["path"] == str(pathlib.Path.cwd() / "images")


def test_a_configuration_takes_overrides_too(write, tmp_path) -> None:
    file = write("data: {source: digits}\nmodel: {kind: cnn}\ntraining: {epochs: 3}\n")
    config, _ = load_config(file, ["training.seed=4", "trial.training.epochs=5", f"data={{source: npz, path: {file}}}"])
    assert (config.training.seed, config.training.epochs) == (4, 5)
    with pytest.raises(InputError, match="no section search"):
        load_config(file, ["search.trials=4"])
    with pytest.raises(InputError, match="give one value here"):
        load_config(file, ["training.seed={int: [1, 3]}"])


SENSELESS = {
    "search.trials=1000000000000000000": "≤ 100,000; got 1000000000000000000",
    "search.trials=-1": "a whole number > 0",
    "search.trials=.nan": "not a number (.nan)",
    "confirm.seeds=1000000000000000000000000000000": "≤ 1,000",
    "confirm.top=1000000": "≤ 100",
    "search.reduction_factor=1000000000000": "≤ 1,000",
    "search.checkpoint_minutes=1e300": "≤ 1,000,000; got 1e+300",
    "budget.hours=1e300": "≤ 1,000,000,000, or null",
    "budget.usd=.inf": "infinity",
    "resources.cpus=10000000000": "≤ 100,000",
    "training.epochs=1000000000000": "≤ 10,000; got 1000000000000",
    "training.batch_size=1000000000": "≤ 100,000",
    "training.steps_per_epoch=1000000000": "≤ 10,000,000",
    "training.patience=1000000000": "≤ 10,000, or null",
    "training.seed=4294967296": "< 4,294,967,296",
    "model.filters=1000000000": "≤ 100,000",
    "model.filters={int: [8, 1000000000000]}": "≤ 100,000",
    "model.kernel_size=100000": "≤ 1,000",
    "model.blocks=1000000": "≤ 1,000",
    "model.growth=100000": "the last block may have 100,000 filters at most",
    "model.l2=1e300": "≤ 1,000,000",
    "data={source: folder, path: ., image_size: 1000000}": "≤ 10,000; got 1000000",
    "optimizer.learning_rate=1e400": "infinity",
    "optimizer.learning_rate=0,001": "write decimals with a point: 0.001",
    "optimizer.learning_rate={log: [0,001, 0,1]}": "decimals take a point",
    "optimizer.learning_rate={log: ['0,001', '0,1']}": "write decimals with a point: 0.001",
    "optimizer.learning_rate={choice: [" + ", ".join(map(str, range(1, 1100))) + "]}": "1,000 values at most",
    "model.dropout=0b" + "1" * 5000: "300 digits at most; got “0b111",
    "model.dropout=0x" + "f" * 5000: "300 digits at most; got “0xfff",
    "training.epochs=" + "9" * 5000: "300 digits at most; got “999",
    "trial=0x" + "f" * 5000: "300 digits at most",
}
"""What the check says of numbers that nobody means."""


@pytest.mark.parametrize("text", SENSELESS, ids=lambda text: text[:40])
def test_a_number_without_sense_is_refused_in_a_few_words(text: str) -> None:
    with pytest.raises(InputError) as caught:
        load_sweep("digits", [text])
    message = str(caught.value)
    assert SENSELESS[text] in message
    assert text[:30] in message
    assert all(len(line) < 320 for line in message.splitlines())


def test_large_numbers_of_people_who_mean_them_are_taken() -> None:
    values = ["search.trials=20_000", "training.epochs=2000", "budget.hours=5000", "training.batch_size=0x1000"]
    sweep = load_sweep("digits", [*values, "confirm.seeds=100", "model.filters=1024"])
    assert (sweep.search.trials, sweep.epochs, sweep.trial["training"]["batch_size"]) == (20_000, 2000, 4096)
