"""Names that were made to harm: of classes, files and values, on their way to a terminal, a pipe and a sweep file."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.cli.output import show_leaderboard
from search.cli.predictions import write_predictions
from search.console.terminal import Terminal
from search.plan.check import closed_corners
from spaces.file.load import load_sweep, read_yaml
from spaces.file.write import write_text, yaml_text
from spaces.printable import printable
from tests.search.commands import called
from tests.search.runs import make_run
from tests.trainables.retrain.test_predict import paint, save_model
from trainables.data.load import describe

EVIL = ("=1+1", "\x1b[2J\x1b[31mred", "a\nb: [", "q\"'\\#", "cat\u202egnp\x9b", "[bold]:cat:", "del\x7f")
"""A formula, colours, a line break into YAML, quotes, text turned around, markup, a control that JSON leaves alone."""


def is_clean(text: str) -> bool:
    """Whether no terminal would obey anything in it but its line breaks."""
    return printable(text, keep="\n") == text


def photos(home: Path) -> Path:
    """A folder of images, some of train once more in validation."""
    draw = np.random.default_rng(0)
    for name in EVIL:
        for part in ("train", "validation"):
            (home / "photos" / part / name).mkdir(parents=True)
        for index in range(6):
            pixels = draw.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            for part in ("train", "validation")[: 2 if index == 0 else 1]:
                Image.fromarray(pixels).save(home / "photos" / part / name / f"{name}{index}.png")
        extra = draw.integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(extra).save(home / "photos" / "validation" / name / "other.png")
    return home / "photos"


def test_new_writes_a_sweep_that_means_them_and_the_check_shows_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "\x1b[31m\nevil: ["
    data, file = photos(place), place / "first.yaml"
    code, out, err = called(capsys, "new", str(data), "-o", str(file))
    assert code == 0, err
    assert is_clean(err)
    text = file.read_text()
    assert is_clean(text)
    assert r"\x1b[2J\x1b[31mred" in text
    assert text.startswith(f"# first: a first sweep for {printable(str(data))}, written by")
    assert set(read_yaml(file)) == {"trial", "search", "budget", "confirm", "resources", "tracking"}
    assert describe(next(closed_corners(load_sweep(file))).data).class_names == tuple(sorted(EVIL))
    code, out, err = called(capsys, "plan", str(file), "--check")
    assert (code, out) == (0, "first: no problems found\n")
    assert err.startswith("Warning: the same image is in two parts")
    assert err.count("\n") == 1
    assert is_clean(err)


def test_an_image_that_cannot_be_read_is_named_in_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = photos(tmp_path)
    (data / "train" / EVIL[2] / f"{EVIL[1]}.png").write_text("no image")
    code, out, err = called(capsys, "new", str(data))
    assert (code, out) == (2, "")
    assert r"a\nb: [/\x1b[2J\x1b[31mred.png" in err
    assert is_clean(err)
    assert err.count("\n") == 3


def test_what_is_written_as_yaml_reads_back(tmp_path: Path) -> None:
    names = [*EVIL, "\x85", "\u2028", "\ufeff", "gr\udcfcn", "\U000e0001"]
    text = yaml_text({"names": names, "under": dict.fromkeys(names, 1)}, header=f"of {EVIL[1]}")
    assert is_clean(text)
    (tmp_path / "back.yaml").write_text(text)
    back = read_yaml(tmp_path / "back.yaml")
    assert list(back["names"]) == names
    assert list(back["under"]) == names


def test_what_is_written_as_text_is_utf8_whatever_the_names(tmp_path: Path) -> None:
    write_text(tmp_path / "a.csv", "caf\udce9,é\n")
    assert (tmp_path / "a.csv").read_bytes() == b"caf\\udce9,\xc3\xa9\n"


def on_a_terminal(writer: object) -> str:
    """What a function writes to a terminal that it is given as a file."""
    master, slave = os.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as terminal:
        assert callable(writer)
        writer(terminal)
    shown = b""
    while chunk := _read(master):
        shown += chunk
    os.close(master)
    return shown.decode().replace("\r\n", "\n")


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:  # the other end is closed
        return b""


def test_predictions_are_shown_to_a_terminal_and_handed_to_a_program(tmp_path: Path) -> None:
    save_model(tmp_path / "model")
    told = json.loads((tmp_path / "model" / "preprocessing.json").read_text())
    (tmp_path / "model" / "preprocessing.json").write_text(json.dumps(told | {"class_names": list(EVIL[:3])}))
    files = [str(paint(tmp_path / f"{name}.png", 9)) for name in EVIL]

    def write(file: io.TextIOBase) -> None:
        write_predictions(tmp_path / "model", files, top=3, file=file)  # type: ignore[arg-type]

    shown = on_a_terminal(write)
    assert is_clean(shown)
    assert shown.count("\n") == 1 + 3 * len(files)
    pipe = io.StringIO()
    write(pipe)
    _, *rows = csv.reader(io.StringIO(pipe.getvalue(), newline=""))
    assert [row[0] for row in rows[::3]] == files
    assert {row[2] for row in rows} == {"'=1+1", *EVIL[1:3]}


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A stranger's run, with such a text among its values."""
    directory = make_run(tmp_path / "theirs")
    journal = directory / "study.journal"
    journal.write_text(journal.read_text().replace('\\"on\\"', json.dumps(json.dumps(EVIL[1]))[1:-1]))
    return directory


def test_a_strangers_values_are_shown_in_the_table_and_guarded_in_csv(
    theirs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for format in ("table", "csv"):
        show_leaderboard([theirs], top=None, format=format)
    told = capsys.readouterr().out
    table, _, rest = told.partition("rank,")
    assert is_clean(table)
    assert r"\x1b[2J\x1b[31mred" in table
    assert EVIL[1] in rest


def test_a_console_shows_text_as_text() -> None:
    file = io.StringIO()
    Terminal(file=file, force_terminal=True, soft_wrap=True, color_system=None).print(" ".join(EVIL), highlight=False)
    assert re.sub(r"\n", "", file.getvalue()) == printable(" ".join(EVIL), keep="\n").replace("\n", "")
