"""The page about a run: everything in it, nothing loaded, nothing run that a user wrote, no heavier than promised."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.trial import TrialState

from search.report import write_report
from search.run.journal import OwnJournal
from tests.search.runs import DISTRIBUTIONS, PARAMS, SMALL, TrialRecord, make_run


class Parts(HTMLParser):
    """The texts of a page outside scripts, and the addresses that it would load from."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.heads: list[str] = []
        self.texts: list[str] = []
        self.scripts = 0
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        self.scripts += tag == "script"
        addresses = [str(value) for name, value in attrs if name in ("src", "href", "srcset")]
        self.loaded += [address for address in addresses if not address.startswith(("#", "data:image/png;base64,"))]

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("script", "style") and data.strip():
            (self.heads if self._open[-1] == "h2" else self.texts).append(data.strip())


def written(directory: Path) -> str:
    return write_report(directory).read_text(encoding="utf-8")


def many(count: int) -> list[TrialRecord]:
    trials = []
    for number in range(count):
        share = 7 * number % 100 / 100
        params = {"optimizer.learning_rate": 1e-4 * 100**share, "model.dropout": 0.6 * number / count}
        trials.append(TrialRecord(curve=[0.5 + 0.1 * share, 0.6 + 0.1 * share], baseline=number == 0, params=params))
    return trials


def test_the_page_tells_everything_in_order(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run", [*many(12), *SMALL[2:5]])
    (directory / "best.yaml").touch()
    parts = Parts(written(directory))
    assert parts.heads == [
        "Leaderboard", "Learning curves", "Rungs", "Search history", "Hyperparameter importance",
        "Hyperparameter slices",
        "Parallel coordinates", "Failures", "Retrain the winner", "Sweep file", "Provenance",
    ]  # fmt: skip
    told = " ".join(parts.texts)
    for words in ("above the baseline's", "15 trials", "tunehound retrain", "3.15.1", "0123abc", "sampler seed"):
        assert words in told


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    page = written(make_run(tmp_path / "run"))
    assert Parts(page).loaded == []
    assert "default-src 'none'" in page
    assert page.count('id="plotly"') == 1


def test_what_a_user_wrote_is_shown_and_never_executed(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    directory = make_run(tmp_path / "run", SMALL, name=evil)
    (directory / "trials" / "4" / "error.txt").write_text(f"Traceback\nValueError: {evil}\n")
    harmless, parts = Parts(written(make_run(tmp_path / "other"))), Parts(written(directory))
    assert parts.scripts == harmless.scripts
    assert evil in parts.texts
    assert f"error: ValueError: {evil}" in parts.texts
    assert parts.loaded == []


@pytest.mark.parametrize(
    "trials",
    [
        [],
        [TrialRecord(curve=[], state=TrialState.RUNNING, reason="")],
        [TrialRecord(curve=[math.nan], state=TrialState.PRUNED, reason="diverged", baseline=True)],
        [TrialRecord(curve=[0.5], baseline=True)],
        [TrialRecord(curve=[0.5], baseline=True)] * 9,
        list(SMALL),
    ],
)
def test_a_page_can_be_written_at_any_moment(trials: list[TrialRecord], tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run", trials)
    page = written(directory)
    assert page.rstrip().endswith("</html>")
    assert not re.search(r"\bnan\b", " ".join(Parts(page).texts))


def test_writing_twice_leaves_one_page(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run", SMALL[:2])
    before = {file.name for file in directory.iterdir()}
    written(directory)
    written(directory)
    assert {file.name for file in directory.iterdir()} == {*before, "report.html"}


def test_a_page_about_two_thousand_trials_weighs_less_than_four_megabytes(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run", SMALL)
    study = optuna.load_study(study_name="digits-1", storage=JournalStorage(OwnJournal(directory / "study.journal")))
    curve = {epoch: 0.5 + math.sqrt(epoch) / 30 for epoch in range(1, 31)}
    study.add_trials(
        optuna.trial.create_trial(
            value=curve[30],
            params={**PARAMS, "model.dropout": 0.6 * (number / 2000) ** 2},
            distributions={name: DISTRIBUTIONS[name] for name in PARAMS},
            user_attrs={"reason": "finished", "epochs": 30, "seconds": 123.456},
            intermediate_values=curve,
        )
        for number in range(2000)
    )
    page = written(directory)
    assert len(page) < 4_000_000
    told = " ".join(Parts(page).texts)
    assert "of 2,006 trials are drawn" in told
    assert "of 2,006 trials; `tunehound leaderboard` has all of them" in told


DIVERGED = TrialRecord(curve=[math.nan], state=TrialState.PRUNED, reason="diverged")
FAILED = TrialRecord(curve=[], state=TrialState.FAIL, reason="error")


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        (
            [DIVERGED, DIVERGED],
            "Both trials diverged: no val_accuracy was finite. Start a new run with lower",
        ),
        ([FAILED] * 3, "All 3 trials failed. `tunehound leaderboard w/run` shows how each trial ended"),
        ([FAILED, DIVERGED, DIVERGED], "All 3 trials ended without a finite val_accuracy: 2 diverged, 1 failed."),
        ([DIVERGED, SMALL[5]], "Trial 1 reaches val_accuracy 0.6500"),
        ([], "No trial has reported a finite val_accuracy yet. Continue it: tunehound resume w/run"),
    ],
)
def test_a_page_without_a_winner_says_why_and_points_to_no_file_that_is_not_there(
    trials: list[TrialRecord], words: str, tmp_path: Path
) -> None:
    directory = make_run(tmp_path / "w" / "run", trials)
    page = Parts(written(directory))
    told = " ".join(page.texts)
    assert words in told
    assert "Retrain the winner" not in page.heads
    assert not re.search(r"best\.yaml|leaderboard\.csv|error\.txt", told)


def test_the_error_that_is_named_is_there(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "w" / "run", [DIVERGED, FAILED, FAILED])
    (directory / "trials" / "2" / "error.txt").write_text("error: ValueError: of shape\n")
    assert "Read w/run/trials/2/error.txt, correct what it names" in " ".join(Parts(written(directory)).texts)
