"""What the report shows of a retrained winner, and of a stranger's folder that only looks like one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from search.report import retrained, write_report
from search.results.leaderboard import leaderboard
from search.run.reader import Run, open_run
from tests.search.report.test_write import Parts
from tests.search.runs import SMALL, make_run
from trainables.spreadsheet import csv_text

CLASSES = ["bear", "<b>cat</b>", "=dog"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Retrained: five dogs were taken for cats, two bears for dogs."""
    directory = make_run(tmp_path / "run", SMALL)
    folder = directory / "retrained"
    (folder / "mistakes").mkdir(parents=True)
    matrix = pd.DataFrame([[8, 0, 2], [0, 10, 0], [0, 5, 5]], index=pd.Index(CLASSES, name="true"), columns=CLASSES)
    (folder / "confusion.csv").write_text(csv_text(matrix, index=True))
    by_class = {"class": CLASSES, "images": [10, 10, 10], "precision": [1.0, 0.6667, 0.7143], "recall": [0.8, 1.0, 0.5]}
    classes = pd.DataFrame(by_class | {"f1": [0.8889, 0.8, 0.5882]})
    (folder / "classes.csv").write_text(csv_text(classes))
    Image.new("RGB", (8, 8)).save(folder / "mistakes" / "0.png")
    mistake = {
        "true": "=dog",
        "predicted": CLASSES[1],
        "probability": 0.9,
        "image": "dogs/7.jpg",
        "file": "mistakes/0.png",
    }
    (folder / "mistakes.csv").write_text(csv_text(pd.DataFrame([mistake])))
    scores = {"accuracy": 0.7667, "epochs": 3, "test_images": 30, "seeds": [0, 1]}
    spread = {"mean": {"accuracy": 0.75}, "sd": {"accuracy": 0.0236}}
    (folder / "metrics.json").write_text(json.dumps(scores | spread))
    return open_run(directory)


def test_the_page_has_the_scores_the_confusions_and_every_class(run: Run) -> None:
    parts = Parts(write_report(run.directory).read_text(encoding="utf-8"))
    assert {"Test scores", "Confusion matrix", "Most confused classes", "Scores per class"} <= set(parts.heads)
    told = " ".join(parts.texts)
    for words in (
        "0.7500",
        "0.0236",
        "2 seeds",
        ": 5 of 10 images",
        "<b>cat</b>",
        "dogs/7.jpg, 90% probability",
        "=dog",
        "0.5882",
    ):
        assert words in told
    assert parts.loaded == []


def test_the_most_confused_pairs_come_first_with_their_images(run: Run) -> None:
    matrix = retrained.confusion(run)
    assert matrix is not None
    assert retrained.most_confused(matrix) == [("=dog", "<b>cat</b>", 5, 10), ("bear", "=dog", 2, 10)]
    body = retrained.mistakes_part(run, leaderboard(run.directory))
    assert body.count('src="data:image/png;base64,') == 1


def test_the_score_stands_beside_what_a_person_reached(run: Run) -> None:
    by_hand = replace(run, about={**run.about, "by_hand": "0.7 test accuracy, <i>after days</i>"})
    told = retrained.scores_part(by_hand, leaderboard(run.directory))
    assert "Tuned by hand, according to the sweep file: 0.7 test accuracy, &lt;i&gt;after days" in told


@pytest.mark.parametrize(
    "name",
    ["../../secret.png", "/etc/hostname", "mistakes/link.png", "mistakes/large.png", "mistakes/text.png", "\0", ""],
)
def test_an_image_elsewhere_too_large_or_none_is_not_shown(name: str, run: Run, tmp_path: Path) -> None:
    mistakes = run.directory / "retrained" / "mistakes"
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8)).save(secret)
    (mistakes / "link.png").symlink_to(secret)
    (mistakes / "large.png").write_bytes(retrained.PNG + bytes(retrained.IMAGE_BYTES))
    (mistakes / "text.png").write_text("<script>alert(1)</script>")
    record = {"image": "7.jpg", "probability": "0.9", "file": name}
    assert "<img" not in retrained.photo(run, record)


def test_a_file_that_is_a_circle_of_links_is_not_read(run: Run) -> None:
    for file in ("metrics.json", "confusion.csv", "classes.csv", "mistakes.csv"):
        (run.directory / "retrained" / file).unlink(missing_ok=True)
        (run.directory / "retrained" / file).symlink_to(file)
    assert "Test scores" not in write_report(run.directory).read_text()


def test_a_folder_that_is_a_link_is_not_read(run: Run, tmp_path: Path) -> None:
    folder = run.directory / "retrained"
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert "Test scores" not in write_report(run.directory).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\xfe", b"{", b"[1]", b"a,b\n1\n2,3,4\n", b'{"mean": 3, "accuracy": 0.5}']
)
def test_damaged_files_leave_their_sections_out(damage: bytes, run: Run) -> None:
    for file in ("metrics.json", "confusion.csv", "classes.csv", "mistakes.csv"):
        (run.directory / "retrained" / file).write_bytes(damage)
    heads = Parts(write_report(run.directory).read_text(encoding="utf-8")).heads
    assert not {"Confusion matrix", "Most confused classes", "Scores per class"} & set(heads)
