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
from tests.search.runs import DISTRIBUTIONS, PARAMS, SMALL, Told, make_run


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


def many(count: int) -> list[Told]:
    trials = []
    for number in range(count):
        share = 7 * number % 100 / 100
        params = {"optimizer.learning_rate": 1e-4 * 100**share, "model.dropout": 0.6 * number / count}
        trials.append(Told(curve=[0.5 + 0.1 * share, 0.6 + 0.1 * share], baseline=number == 0, params=params))
    return trials


def test_the_page_tells_everything_in_order(tmp_path: Path) -> None:
    parts = Parts(written(make_run(tmp_path / "run", [*many(12), *SMALL[2:5]])))
    assert parts.heads == [
        "Leaderboard", "Learning curves", "Rungs", "Course of the search", "What mattered", "Value by value",
        "All trials side by side", "Failures", "How to retrain the winner", "The sweep", "Where this comes from",
    ]  # fmt: skip
    told = " ".join(parts.texts)
    for words in ("above the baseline's", "15 trials", "tunehound retrain", "3.15.1", "0123abc", "sampler's seed"):
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
        [Told(curve=[], state=TrialState.RUNNING, reason="")],
        [Told(curve=[math.nan], state=TrialState.PRUNED, reason="diverged", baseline=True)],
        [Told(curve=[0.5], baseline=True)],
        [Told(curve=[0.5], baseline=True)] * 9,
        list(SMALL),
    ],
)
def test_a_page_can_be_written_at_any_moment(trials: list[Told], tmp_path: Path) -> None:
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
    assert "of 2,006; leaderboard.csv has all" in told
