"""What the trials of a sweep have in common, and where that is written."""

from __future__ import annotations

from pathlib import Path

from search.run.history import append_row, read_history, write_history
from search.study.feature_cuts import MOST_CUTS, shared_cuts
from search.tracking.wandb_runs import logged
from spaces.domains.close import close_values, corners
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep
from trainables.features.policy import Source
from trainables.models.cut import Cut

ROWS = [
    {"epoch": 1.0, "loss": 2.0, "features": float(Source.STORED), "seconds": 0.1},
    {"epoch": 2.0, "loss": 1.0, "features": float(Source.NO_DISK), "seconds": 0.2},
]


def sweep(folder: Path, model: str) -> Sweep:
    file = folder / "sweep.yaml"
    file.write_text(
        f"trial:\n  data: {{source: digits}}\n  model: {model}\n  training: {{epochs: 9}}\n"
        "search: {trials: 20, grace_epochs: 3}\n"
    )
    return load_sweep(file)


def cuts(found: Sweep) -> set[tuple[Cut, ...]]:
    shared = shared_cuts(found)
    return {shared(close_values(found.trial, values)) for values in corners(found.trial)}


def test_all_trials_are_told_where_any_of_them_cuts_the_network(tmp_path: Path) -> None:
    found = sweep(tmp_path, "{kind: pretrained, backbone: mobilenet_v2, weights: none, unfrozen_blocks: {int: [0, 2]}}")
    wanted = Cut("block_15_add"), Cut("block_16_project_BN"), Cut("out_relu", "average")
    assert cuts(found) == {wanted}


def test_networks_of_several_branches_are_told_apart(tmp_path: Path) -> None:
    small = "{kind: pretrained, backbone: mobilenet_v2, weights: none, unfrozen_blocks: {int: [0, 1]}}"
    large = "{kind: pretrained, backbone: vgg16, weights: none}"
    found = sweep(tmp_path, f"{{choice: {{small: {small}, large: {large}, own: {{kind: cnn}}}}}}")
    assert cuts(found) == {
        (Cut("block_16_project_BN"), Cut("out_relu", "average")),
        (Cut("block5_pool", "average"),),
        (),
    }


def test_a_wide_range_of_depths_is_stored_at_some_places_only(tmp_path: Path) -> None:
    found = sweep(
        tmp_path, "{kind: pretrained, backbone: mobilenet_v2, weights: none, unfrozen_blocks: {int: [0, 17]}}"
    )
    ((*places,),) = cuts(found)
    assert len(places) == MOST_CUTS


def test_a_history_says_in_words_where_features_came_from(tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    for row in ROWS:
        append_row(file, row)
    assert file.read_text().splitlines()[1:] == [
        "1.0,2.0,stored,0.1",
        "2.0,1.0,computed: no room on the disk,0.2",
    ]
    assert read_history(file) == ROWS
    write_history(file, ROWS)
    assert read_history(file) == ROWS


def test_a_history_ends_before_words_that_nobody_wrote(tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    write_history(file, ROWS)
    file.write_text(file.read_text().replace("stored", "st red"))
    assert read_history(file) == []


def test_wandb_is_told_measurements_alone() -> None:
    assert logged(ROWS[0]) == {"epoch": 1.0, "loss": 2.0, "seconds": 0.1}
