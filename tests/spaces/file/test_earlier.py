"""Files of earlier runs mean what they meant then; a fresh file gets what is usual today."""

from __future__ import annotations

import shutil
from pathlib import Path

from spaces.domains.close import close_values
from spaces.file.load import load_config, load_sweep

OLD = Path(__file__).parents[2] / "promises" / "old_run"
FRESH = """
trial:
  data: {source: digits}
  model: {kind: cnn}
  training: {epochs: 3}
"""


def test_the_sweep_of_an_old_run_compares_bytes() -> None:
    data = load_sweep(OLD / "sweep.yaml").trial["data"]
    assert (data["copies"], data["distinct_names"], data["near_copies"]) == ("bytes", True, True)


def test_so_do_its_winner_and_its_trials(tmp_path: Path) -> None:
    files = [OLD / "best.yaml", OLD / "trials/1/config.yaml"]
    for file in files:
        assert load_config(file)[0].data.copies == "bytes"
        assert load_config(file, ["data.split_seed=3"])[0].data.copies == "bytes"
        assert load_config(file, ["data.copies=pixels"])[0].data.copies == "pixels"


def test_a_file_of_ones_own_does_not(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(FRESH)
    assert load_sweep(tmp_path / "mine.yaml").trial["data"]["copies"] == "auto"
    shutil.copy(OLD / "trials/1/config.yaml", tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml")[0].data.copies == "auto"


def test_what_a_new_run_wrote_out_stays(tmp_path: Path) -> None:
    written = FRESH.replace("digits}", "digits, copies: pixels}") + "run: {id: 0123abcd}\n"
    (tmp_path / "sweep.yaml").write_text(written)
    data = load_sweep(tmp_path / "sweep.yaml").trial["data"]
    assert (data["copies"], data["distinct_names"]) == ("pixels", True)


def test_every_branch_of_the_data_is_as_it_was(tmp_path: Path) -> None:
    branches = "{choice: {all: {source: digits}, few: {source: digits, validation: 0.5}}}"
    (tmp_path / "sweep.yaml").write_text(FRESH.replace("{source: digits}", branches) + "run: {id: 0123abcd}\n")
    sweep = load_sweep(tmp_path / "sweep.yaml")
    for label in ("all", "few"):
        assert close_values(sweep.trial, {"data": label}).data.copies == "bytes"
