"""What is said about the data before a sweep starts, and what the sweep then writes down about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.plan.check import data_warnings, with_settled_copies
from spaces.domains.close import close_values
from spaces.file.load import load_sweep
from trainables.data import store
from trainables.dataset import DataInfo, Leak

SWEEP = """
trial:
  data: {choice: {all: {source: digits}, asked: {source: digits, copies: bytes}}}
  model: {kind: cnn}
  training: {epochs: 3}
"""


def info(**found: object) -> DataInfo:
    plain = {"image_shape": (8, 8, 1), "class_names": ("a", "b"), "counts": {}, "fingerprint": "", "leaks": ()}
    return DataInfo(**(plain | found))  # type: ignore[arg-type]


def test_nothing_is_said_where_nothing_was_found() -> None:
    assert data_warnings(info()) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("leaks", "the same image is in two parts"),
        ("near_copies", "looks almost like one in another"),
        ("two_labels", "the same image stands under two labels"),
    ],
)
def test_what_was_found_is_counted_and_named(kind: str, words: str) -> None:
    (warning,) = data_warnings(info(**{kind: (Leak("train: 1.png", "test: 2.png"),) * 7}))
    assert words in warning
    assert "7: train: 1.png = test: 2.png, " in warning
    assert warning.endswith(" and 2 more")


def test_a_set_that_is_streamed_is_said_to_be_compared_by_bytes() -> None:
    (warning,) = data_warnings(info(compared="bytes", streamed=True))
    assert "copies are told by the bytes of their files" in warning


@pytest.mark.parametrize(("limit", "copies"), [(None, "pixels"), ("0", "bytes")])
def test_a_run_writes_down_how_copies_are_told(
    limit: str | None, copies: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEHOUND_CACHE", str(tmp_path / "cache"))
    (tmp_path / "mine.yaml").write_text(SWEEP)
    if limit is not None:
        monkeypatch.setenv(store.LIMIT, limit)
    trial = with_settled_copies(load_sweep(tmp_path / "mine.yaml")).trial
    assert close_values(trial, {"data": "all"}).data.copies == copies
    assert close_values(trial, {"data": "asked"}).data.copies == "bytes"
