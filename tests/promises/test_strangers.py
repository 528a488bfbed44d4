"""A stranger's sweep files and run directories are read, resumed, exported and retrained; nothing of theirs is run."""

from __future__ import annotations

import base64
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from search.results.leaderboard import leaderboard
from search.run.history import read_history
from search.run.lock import run_lock
from search.run.provenance import git_commit
from search.tuner.resume import unfinished
from spaces.config.trial import TfdsData
from spaces.file.write import write_yaml
from spaces.problem import InputError
from tests.search.cli.test_app import called
from tests.search.commands import environment
from tests.search.runs import make_run
from trainables.data.load import describe
from trainables.training import checkpoint


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that must not be there at the end: it would have been made by a stranger's code."""
    sprung = tmp_path / "sprung"
    monkeypatch.setenv("TRAP", str(sprung))
    yield sprung
    assert not sprung.exists()


class Pickled:
    """Springs the trap when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.mkdir, (os.environ["TRAP"],)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with an interrupted trial in it."""
    return make_run(tmp_path / "runs" / "theirs")


TAGS = [
    "!!python/object/apply:os.mkdir [{trap}]",
    "!!python/object/new:os.mkdir [[{trap}]]",
    "!!python/module:antigravity",
]


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("sweep.yaml", ["plan", "{run}/sweep.yaml", "--check"]),
        ("sweep.yaml", ["run", "{run}/sweep.yaml"]),
        ("sweep.yaml", ["resume", "{run}"]),
        ("sweep.yaml", ["report", "{run}"]),
        ("sweep.yaml", ["leaderboard", "{run}"]),
        ("trials/1/config.yaml", ["export", "{run}"]),
        ("trials/1/config.yaml", ["retrain", "{run}/trials/1/config.yaml"]),
        ("trials/1/config.yaml", ["describe", "{run}/trials/1/config.yaml"]),
    ],
)
def test_a_yaml_tag_builds_nothing(
    run: Path, trap: Path, capsys: pytest.CaptureFixture[str], tag: str, file: str, command: list[str]
) -> None:
    with (run / file).open("a") as end:
        end.write(f"theirs: {tag.format(trap=trap)}\n")
    code, _, err = called(capsys, *(word.format(run=run) for word in command))
    assert code == 2
    assert "YAML tags are not allowed" in err


def test_a_pickle_in_the_place_of_a_checkpoint_is_damage(run: Path, trap: Path) -> None:
    folder = run / "trials" / "5" / "checkpoint"
    folder.mkdir()
    for name in (checkpoint.FILE, checkpoint.PREVIOUS_FILE):
        (folder / name).write_bytes(pickle.dumps(Pickled()))
        assert checkpoint.read(folder) is None
        objects = np.array([Pickled()], dtype=object)
        with (folder / name).open("wb") as file:
            np.savez(file, history=np.array("[]"), **{"00000": objects})
        assert checkpoint.read(folder) is None
    assert len(checkpoint.remove_damaged(folder)) == 2


def test_pickles_in_the_journal_are_text(run: Path, trap: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob = base64.b64encode(pickle.dumps(Pickled())).decode()
    journal = run / "study.journal"
    record = {"op_code": 8, "worker_id": blob, "trial_id": 5, "user_attr": {"reason": {"snapshot": blob}}}
    with journal.open("a") as end:
        end.write(json.dumps(record) + "\n")
    assert unfinished(run)
    assert len(leaderboard(run)) == 6
    for command in ("report", "export"):
        assert called(capsys, command, str(run))[0] == 0


def test_bytes_of_a_pickle_in_the_journal_are_no_records(
    run: Path, trap: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = run / "study.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], pickle.dumps(Pickled()) + b"\n", *lines[3:]]))
    for command in ("resume", "leaderboard", "export", "report"):
        code, _, err = called(capsys, command, str(run))
        assert code in (1, 2)
        assert "study.journal" in err


def test_a_pickle_in_a_history_is_no_row(run: Path, trap: Path) -> None:
    history = run / "trials" / "1" / "history.csv"
    rows = read_history(history)
    with history.open("ab") as end:
        end.write(pickle.dumps(Pickled()) + b"\n")
    assert read_history(history) == rows


def test_a_model_with_a_function_in_it_is_not_loaded(
    tmp_path: Path, trap: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = keras.Input((8, 8, 1))
    sprung = keras.layers.Lambda(lambda x: [x, __import__("os").makedirs(os.environ["TRAP"], exist_ok=True)][0])(images)
    flat = keras.layers.Flatten()(sprung)
    trap.rmdir()  # which was sprung when the model was made
    folder = tmp_path / "model"
    folder.mkdir()
    keras.Model(images, keras.layers.Dense(2, activation="softmax")(flat)).save(folder / "model.keras")
    preprocessing = {"image_size": [8, 8], "channels": 1, "class_names": ["a", "b"]}
    (folder / "preprocessing.json").write_text(json.dumps(preprocessing))
    code, _, err = called(capsys, "predict", str(folder), "image.png")
    assert code == 2
    assert "model.keras" in err


@pytest.mark.parametrize(
    "link",
    [
        "trials",
        "trials/5",
        "trials/5/history.csv",
        "trials/5/error.txt",
        "trials/5/checkpoint",
        "study.journal",
        "wandb",
        ".lock",
        "report.html",
    ],
)
def test_a_run_with_a_link_that_leads_out_of_it_is_not_driven(run: Path, tmp_path: Path, link: str) -> None:
    mine, place = tmp_path / "mine", run / link
    if place.exists():
        place.rename(mine)
    place.symlink_to(mine)
    before = seen(tmp_path)
    with pytest.raises(InputError, match=re.escape(f"{link} → {mine}")), run_lock(run):
        pass
    assert seen(tmp_path) == before


def test_links_inside_a_run_and_a_link_to_the_whole_of_it_are_no_matter(run: Path, tmp_path: Path) -> None:
    (run / "best").symlink_to("trials/1")
    (tmp_path / "link").symlink_to(run)
    with run_lock(tmp_path / "link"):
        pass


def seen(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("name", ["huggingface:theirs", "somebody:their_set/config"])
def test_a_data_set_that_brings_code_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="has code of its own"):
        describe(TfdsData.model_validate({"source": "tfds", "name": name}))


def test_pickled_objects_among_their_data_are_refused(
    tmp_path: Path, trap: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "data.npz", x_train=np.array([Pickled()] * 4, dtype=object), y_train=np.arange(4))
    sweep = {"trial": {"data": {"source": "npz", "path": "data.npz"}, "model": {"kind": "cnn", "blocks": 1}}}
    write_yaml(tmp_path / "sweep.yaml", sweep | {"search": {"trials": 1}})
    assert called(capsys, "plan", str(tmp_path / "sweep.yaml"), "--check")[0] == 2


def test_a_program_that_their_repository_names_is_not_run(
    tmp_path: Path, trap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(variable, raising=False)
    who = ["-c", "user.name=They", "-c", "user.email=they@example.org"]
    for command in (["init", "-q"], [*who, "commit", "-q", "--allow-empty", "-m", "Theirs"]):
        subprocess.run(["git", *command], check=True, timeout=30)
    monitor = tmp_path / "monitor"
    monitor.write_text('#!/bin/sh\nmkdir "$TRAP"\n')
    monitor.chmod(0o755)
    subprocess.run(["git", "config", "core.fsmonitor", str(monitor)], check=True, timeout=30)
    subprocess.run(["git", "status"], check=True, capture_output=True, timeout=30)
    trap.rmdir()  # git alone springs it
    assert git_commit()


THEIR_SWEEP = """
trial:
  data: {source: npz, path: data.npz}
  model: {kind: cnn, blocks: 1, filters: {int: [4, 8], baseline: 4}}
  training: {epochs: 1}
search: {trials: 1, scheduler: none}
confirm: off
tracking: off
"""
MODULES = (
    "csv json random numpy pandas keras tensorflow ray optuna wandb yaml ruamel typer rich trainables spaces search "
    "clusters tunehound sitecustomize usercustomize my_models"
)


def their_folder(place: Path) -> Path:
    """A folder with a sweep, its data, and modules that spring the trap; beside it, a home for the user."""
    home, theirs = place / "home", place / "theirs"
    for folder in (home, theirs):
        folder.mkdir()
    for name in MODULES.split():
        (theirs / f"{name}.py").write_text(
            "import os\nos.makedirs(os.environ['TRAP'], exist_ok=True)\nraise SystemExit(9)\n"
        )
    draw = np.random.default_rng(0)
    arrays = {"x_train": draw.integers(0, 256, (40, 8, 8), dtype=np.uint8), "y_train": np.arange(40) % 2}
    np.savez(theirs / "data.npz", **arrays, class_names=np.array(["../../x", "/etc/y"]))
    (theirs / "sweep.yaml").write_text(THEIR_SWEEP)
    return theirs


def installed(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The installed command: the tests' own way of calling it looks into the folder."""
    command = [Path(sys.executable).with_name("tunehound"), *arguments]
    env = environment(cwd.parent / "home")
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)


def test_modules_beside_their_sweep_are_not_imported(tmp_path: Path, trap: Path) -> None:
    """Nor when it runs, says tests/harm/test_strangers.py."""
    done = installed("plan", "sweep.yaml", "--check", cwd=their_folder(tmp_path))
    assert done.returncode == 0, done.stderr
