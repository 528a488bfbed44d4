"""Every model that the five hand-tuned studies tried is a closed configuration (a file in `baselines/`).

Their data are described, not read, and their weights are random: what is held here is that each can be written, passes
the checks, and, where its study says so or it is quick, builds the network that the study had.
"""

from __future__ import annotations

import re
from pathlib import Path

import keras
import pytest

from search.plan.check import closed_corners
from spaces.config.trial import PretrainedModel, TrialConfig
from spaces.file.load import load_config, load_sweep
from tests.contracts.test_sweeps import described
from trainables.models.layers import StockLayers
from trainables.models.settable import settable_values
from trainables.preflight.compatibility import doubts, misfits
from trainables.training.build import Inputs, _model, build

FOLDER = Path(__file__).with_name("baselines")
ROWS = {path.stem: path for path in sorted(FOLDER.glob("*.yaml")) if ".sweep" not in path.name}
LARGE = {"inception_v3", "resnet50"}
"""Backbones that are slow to build, and whose counts no study tells."""
DEPTHS = {
    "dog_breed_csv_mobilenet_fine_tune": [f"block_{number}_expand" for number in range(10, 17)],
    "dog_breed_csv_inception_fine_tune": [f"mixed{number}" for number in range(10)]
    + ["conv2d_91", "conv2d_92", "conv2d_93"],
}
"""The layers from which a study unfroze its backbone, one by one."""


@pytest.fixture(params=ROWS.values(), ids=ROWS.keys())
def row(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def closed(row: Path, *overrides: str) -> TrialConfig:
    return load_config(row, overrides, check_files=False)[0]


def study(row: Path) -> str:
    """The ready sweep over the same data."""
    return next(name for name in ("stanford_dogs", "dog_breed_csv", "bears", "cifar10_cnn") if row.stem[:5] == name[:5])


def inputs(row: Path) -> Inputs:
    info = described(study(row))
    return Inputs(shape=info.image_shape, classes=len(info.class_names), mean=(120.0,) * 3, variance=(4000.0,) * 3)


def test_every_row_of_the_studies_has_a_configuration() -> None:
    assert {study(row) for row in ROWS.values()} == {"stanford_dogs", "dog_breed_csv", "bears", "cifar10_cnn"}
    assert len(ROWS) == 25


def test_it_is_valid_and_fits_its_data(row: Path) -> None:
    assert list(misfits(closed(row), described(study(row)))) == []


def test_it_builds(row: Path) -> None:
    config = closed(row)
    if isinstance(config.model, PretrainedModel) and config.model.backbone in LARGE:
        pytest.skip("slow to build, and no study tells its count")
    if isinstance(config.model, PretrainedModel):
        config = closed(row, "model.weights=none")
    told = [
        int(number.replace(",", "")) for number in re.findall(r"\d+,\d{3}(?:,\d{3})?", row.read_text().split("\n")[0])
    ]
    if isinstance(config.model, PretrainedModel) and told:
        built = build(config, inputs(row)).model
        trainable = sum(int(weight.numpy().size) for weight in built.trainable_weights)
        assert [built.count_params(), trainable][: len(told)] == told
        return
    network: keras.Model = _model(config, inputs(row), layers=StockLayers(settable_values(config)))
    assert told in ([], [network.count_params()])


@pytest.mark.parametrize(
    ("name", "layer"), [(name, layer) for name, layers in DEPTHS.items() for layer in layers], ids=lambda value: value
)
def test_every_depth_that_was_tried_can_be_named(name: str, layer: str) -> None:
    config = closed(ROWS[name], f"model.unfreeze_from={layer}")
    assert list(misfits(config, described("dog_breed_csv"))) == []


def test_the_failure_of_study_4_is_warned_of() -> None:
    (line,) = doubts(closed(ROWS["cifar10_cnn_resnet50"]))
    assert "less than half" in line


def test_the_random_search_of_study_4_is_a_sweep() -> None:
    sweep = load_sweep(FOLDER / "cifar10_cnn_random_search.sweep.yaml", check_files=False)
    best = {"model.filters.0": 96, "model.filters.1": 192, "model.head.units": 192, "model.dropout": 0.2}
    assert {*best, "optimizer.learning_rate"} == set(sweep.open_values)
    assert (sweep.search.sampler, sweep.search.trials, sweep.baseline) == ("random", 3, None)
    assert all(not list(misfits(config, described("cifar10_cnn"))) for config in closed_corners(sweep))
