"""What every ready sweep keeps: it passes its check, explains itself, and starts from a person's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.check import check, closed_corners
from spaces.load import load_sweep, ready_sweeps

SWEEPS = ready_sweeps()


@pytest.fixture(params=SWEEPS.values(), ids=SWEEPS.keys())
def file(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_it_passes_its_check(file: Path) -> None:
    assert len(check(load_sweep(file)).class_names) > 1


def test_its_header_says_what_it_is_and_how_to_run_it(file: Path) -> None:
    header = [line for line in file.read_text().splitlines() if line.startswith("#")]
    assert len(header[0]) > 20
    for words in (f"tunehound run {file.stem}", "Hardware:", "Time:"):
        assert any(words in line for line in header)


def test_its_first_trial_is_what_a_person_would_use(file: Path) -> None:
    sweep = load_sweep(file)
    assert sweep.baseline
    assert next(closed_corners(sweep)).training.epochs == sweep.epochs


def test_the_digits_search_the_hyperparameters_that_are_promised() -> None:
    sweep = load_sweep("digits")
    names = {name.split(".")[-1] for name in sweep.open_values}
    assert names == {"dropout", "filters", "l2", "learning_rate", "strength"}
    assert sweep.search.trials >= 24
    assert sweep.search.scheduler == "asha"
