"""What every ready sweep keeps: it passes its check, explains itself, and starts from a person's configuration.

`plan --check` looks at two things: the file, and the data. The file is always checked, at every corner, against what
its study says of its data (`STUDIES`). The data are read only where a test can have them: the digits, and small folders
and tables laid out as the sweep expects, named by the lines that a user changes. Nothing is downloaded.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.plan.check import check, closed_corners
from spaces.config.trial import Data
from spaces.file.load import load_sweep, read_yaml, ready_sweeps, write_yaml
from spaces.problem import InputError
from trainables.dataset import DataInfo

SWEEPS = ready_sweeps()
STUDIES = {
    "bears": (150, 3, 5),
    "cifar10_architectures": (32, 3, 10),
    "cifar10_cnn": (32, 3, 10),
    "cifar10_pretrained": (32, 3, 10),
    "digits": (8, 1, 10),
    "dog_breed_csv": (160, 3, 120),
    "stanford_dogs": (224, 3, 120),
}
"""Side in pixels, channels and classes of each data set."""
HAND_TUNED = {
    "bears": {"model": "vgg16", "model.vgg16.head.units": 512, "optimizer.learning_rate": 1e-3},
    "cifar10_architectures": {"model": "architecture_3", "augmentation.strength": 1.0},
    "cifar10_cnn": {"model.filters": 64, "optimizer.name": "rmsprop", "optimizer.learning_rate": 5e-4},
    "cifar10_pretrained": {"model": "densenet121", "model.densenet121.unfreeze_last": 29},
    "dog_breed_csv": {"model.backbone": "mobilenet_v2", "model.unfrozen_blocks": 0},
    "stanford_dogs": {"model.unfrozen_blocks": 0, "model.head.dropout": 0.2, "optimizer.learning_rate": 1e-3},
}
"""What tells the best configuration that each study reached by hand."""


@pytest.fixture(params=SWEEPS.values(), ids=SWEEPS.keys())
def file(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def described(name: str) -> DataInfo:
    side, channels, classes = STUDIES[name]
    names = tuple(f"class {number}" for number in range(classes))
    counts = dict.fromkeys(("train", "validation", "test"), (10,) * classes)
    return DataInfo(image_shape=(side, side, channels), class_names=names, counts=counts, fingerprint="", leaks=())


def test_it_passes_everything_that_its_check_looks_at_but_the_data(file: Path) -> None:
    def stand_in(data: Data) -> DataInfo:
        return described(file.stem)

    check(load_sweep(file, check_files=False), describe=stand_in)


def test_its_header_says_what_it_is_how_to_run_it_and_what_a_person_reached(file: Path) -> None:
    header = [line for line in file.read_text().splitlines() if line.startswith("#")]
    assert len(header[0]) > 20
    by_hand = ["By hand:"] if file.stem in HAND_TUNED else []
    for words in (f"tunehound run {file.stem}", "Hardware:", "Time:", *by_hand):
        assert any(words in line for line in header)


def test_its_time_is_measured_or_called_an_estimate(file: Path) -> None:
    header = " ".join(line.lstrip("# ") for line in file.read_text().splitlines() if line.startswith("#"))
    assert file.stem == "digits" or "an estimate" in header.partition("Time:")[2].partition("By hand:")[0]


def test_its_first_trial_is_what_a_person_would_use(file: Path) -> None:
    sweep = load_sweep(file, check_files=False)
    assert sweep.baseline
    assert HAND_TUNED.get(file.stem, {}).items() <= sweep.baseline.items()
    assert next(closed_corners(sweep)).training.epochs == sweep.epochs


def test_it_survives_being_written_as_a_run_writes_it(file: Path, tmp_path: Path) -> None:
    sweep = load_sweep(file, check_files=False)
    write_yaml(tmp_path / file.name, sweep.as_mapping())
    assert load_sweep(tmp_path / file.name, check_files=False) == sweep


def test_every_study_and_the_digits_have_a_sweep() -> None:
    assert set(SWEEPS) == set(STUDIES) == {*HAND_TUNED, "digits"}


def test_the_digits_are_there_and_pass_the_whole_check() -> None:
    assert len(check(load_sweep("digits")).class_names) == 10


def write_images(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        pixels = np.random.default_rng([zlib.crc32(str(folder).encode()), number]).integers(
            0, 256, (12, 12, 3), dtype=np.uint8
        )
        Image.fromarray(pixels).save(folder / name)


def test_bears_passes_the_whole_check_once_its_line_names_a_folder(tmp_path: Path) -> None:
    for bear in ("black", "grizzly", "panda", "polar", "teddy"):
        write_images(tmp_path / "photos" / bear, [f"{bear}{number}.png" for number in range(10)])
    info = check(load_sweep("bears", [f"data.path={tmp_path / 'photos'}"]))
    assert (info.image_shape, len(info.class_names)) == ((150, 150, 3), 5)


def test_dog_breed_csv_passes_the_whole_check_once_its_lines_name_folder_and_table(tmp_path: Path) -> None:
    ids = [f"photo{number}" for number in range(60)]
    write_images(tmp_path / "photos", [f"{name}.png" for name in ids])
    rows = [f"{name},{('akita', 'boxer')[number % 2]}" for number, name in enumerate(ids)]
    (tmp_path / "table.csv").write_text("\n".join(["id,breed", *rows]) + "\n")
    sweep = load_sweep("dog_breed_csv", [f"data.path={tmp_path / 'photos'}", f"data.labels={tmp_path / 'table.csv'}"])
    assert check(sweep).class_names == ("akita", "boxer")


@pytest.mark.parametrize(("name", "keys"), [("bears", ["path"]), ("dog_breed_csv", ["path", "labels"])])
def test_data_that_are_not_there_are_told_with_the_line_to_change(
    name: str, keys: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        load_sweep(name)
    problems = {problem.path[-1]: problem for problem in caught.value.problems}
    assert list(problems) == keys
    written = SWEEPS[name].read_text().splitlines()
    for key, problem in problems.items():
        assert problem.line is not None
        assert written[problem.line - 1].strip().startswith(f"{key}:")
        assert f"--set data.{key}=" in problem.remedy
        assert f"tunehound spaces {name}" in problem.remedy


def test_relative_paths_of_a_ready_sweep_count_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bears").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_sweep("bears").trial["data"]["path"] == str(tmp_path / "bears")
    assert read_yaml(SWEEPS["bears"])["trial"]["data"]["path"] == "bears"


def test_the_digits_search_the_hyperparameters_that_are_promised() -> None:
    sweep = load_sweep("digits")
    names = {name.split(".")[-1] for name in sweep.open_values}
    assert names == {"dropout", "filters", "l2", "learning_rate", "strength"}
    assert sweep.search.trials >= 24
    assert sweep.search.scheduler == "asha"
