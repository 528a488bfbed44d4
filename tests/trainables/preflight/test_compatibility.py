"""What does not fit together is told before anything starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spaces.config.trial import DigitsData, TrialConfig
from spaces.problem import InputError
from trainables.data.load import describe
from trainables.dataset import DataInfo
from trainables.preflight.compatibility import doubts, misfits, refuse_misfits

MOBILENET: dict[str, Any] = {"kind": "pretrained", "backbone": "mobilenet_v2", "weights": "none"}


def closed(**model: Any) -> TrialConfig:
    model = {"kind": "cnn", **model} if "kind" not in model else model
    return TrialConfig.model_validate({"data": {"source": "digits"}, "model": model, "training": {"epochs": 3}})


@pytest.fixture(scope="module")
def digits() -> DataInfo:
    return describe(DigitsData(source="digits"))


def told(config: TrialConfig, data: DataInfo, **options: Any) -> list[tuple[str, str]]:
    return [(".".join(map(str, each.path)), each.rule) for each in misfits(config, data, **options)]


def test_what_fits_is_not_refused(digits: DataInfo) -> None:
    assert told(closed(blocks=3), digits) == []
    assert told(closed(**MOBILENET), digits) == []
    assert told(closed(**MOBILENET, input_size=32, unfrozen_blocks=18), digits) == []
    assert told(closed(**{**MOBILENET, "weights": "imagenet"}), digits) == []


def test_pooling_that_leaves_nothing_is_refused(digits: DataInfo) -> None:
    ((path, rule),) = told(closed(blocks=4), digits)
    assert path == "trial.model.blocks"
    assert "8 × 8" in rule
    assert told(closed(blocks=4, pool_size=1), digits) == []


def test_the_border_that_valid_padding_loses_counts(digits: DataInfo) -> None:
    """8 − 2 = 6, pooled 3, − 2 = 1, pooled none."""
    ((path, rule),) = told(closed(blocks=2, padding="valid"), digits)
    assert path == "trial.model.blocks"
    assert "8 × 8" in rule
    assert told(closed(blocks=2, padding="valid", pool=(True, False)), digits) == []
    assert told(closed(blocks=1, convs_per_block=2, padding="valid", kernel_size=(5, 3)), digits) == []
    assert told(closed(blocks=1, convs_per_block=2, padding="valid", kernel_size=5, pool=False), digits) != []


def test_blocks_that_do_not_pool_do_not_count(digits: DataInfo) -> None:
    assert told(closed(blocks=5, pool=(True, False, True, False, True)), digits) == []
    assert told(closed(blocks=5, pool=(True, True, True, False, True)), digits) != []


def test_what_is_unfrozen_must_be_there(digits: DataInfo) -> None:
    for model, field in (
        ({"unfreeze_from": "block_17_expand"}, "unfreeze_from"),
        ({"unfreeze_last": 155}, "unfreeze_last"),
    ):
        (problem,) = misfits(closed(**MOBILENET, **model), digits)
        assert problem.path == ("trial", "model", field)


def test_top_5_needs_more_than_five_classes(digits: DataInfo) -> None:
    few = DataInfo(image_shape=(8, 8, 1), class_names=tuple("abcde"), counts={}, fingerprint="", leaks=())
    assert told(closed(), digits, metric="val_top5_accuracy") == []
    ((path, _),) = told(closed(), few, metric="val_top5_accuracy")
    assert path == "search.metric"


def test_an_unknown_backbone_is_refused_with_the_nearest_name_or_all(digits: DataInfo) -> None:
    (near,) = misfits(closed(**{**MOBILENET, "backbone": "mobilenetv2"}), digits)
    assert (near.path, near.remedy) == (("trial", "model", "backbone"), "did you mean mobilenet_v2?")
    (far,) = misfits(closed(**{**MOBILENET, "backbone": "xyzzy"}), digits)
    assert far.remedy.startswith("known here: mobilenet_v2, vgg16")


def test_images_below_the_minimum_of_the_backbone_are_refused(digits: DataInfo) -> None:
    ((path, rule),) = told(closed(**MOBILENET, input_size=31), digits)
    assert path == "trial.model.input_size"
    assert "at least 32 pixels" in rule


def test_images_far_below_the_size_of_the_backbone_are_doubted() -> None:
    (sentence,) = doubts(closed(**MOBILENET, input_size=111))
    assert "224" in sentence
    assert "0.25" in sentence
    for sound in (closed(**MOBILENET, input_size=112), closed(**MOBILENET), closed()):
        assert list(doubts(sound)) == []


def test_more_blocks_than_there_are_cannot_be_unfrozen(digits: DataInfo) -> None:
    ((path, rule),) = told(closed(**MOBILENET, unfrozen_blocks=19), digits)
    assert path == "trial.model.unfrozen_blocks"
    assert "18 blocks" in rule


def test_weights_that_are_no_file_or_no_weights_are_refused(digits: DataInfo, tmp_path: Path) -> None:
    notes = tmp_path / "notes.h5"
    notes.write_text("not at all")
    for name, rule in ((str(tmp_path / "nowhere.h5"), "must be a file"), (str(notes), "HDF5")):
        (problem,) = misfits(closed(**{**MOBILENET, "weights": name}), digits)
        assert problem.path == ("trial", "model", "weights")
        assert rule in problem.rule
        assert name in str(problem.given)


def test_a_closed_configuration_is_refused_at_the_paths_of_its_own_file() -> None:
    with pytest.raises(InputError, match=r"best\.yaml  model\.blocks"):
        refuse_misfits(closed(blocks=4), source="best.yaml")
    refuse_misfits(closed(), source="best.yaml")


def test_nothing_of_this_wakes_tensorflow() -> None:
    code = "import sys, trainables.preflight.compatibility; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
