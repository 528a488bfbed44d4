"""The page about a run: everything in it, nothing loaded, nothing executed that a user wrote."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from optuna.trial import TrialState

from search import figures
from search.opened import open_run
from search.report import write_report
from tests.search.runs import SMALL, Told, make_run


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
        self.loaded += [str(value) for name, value in attrs if name in ("src", "href", "srcset")]

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
        "Leaderboard", "Learning curves", "Course of the search", "What mattered", "All trials side by side",
        "Failures", "How to retrain the winner", "The sweep", "Where this comes from",
    ]  # fmt: skip
    told = " ".join(parts.texts)
    for words in ("above the baseline's", "15 trials", "tunehound retrain", "3.15.1", "0123abc"):
        assert words in told


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    page = written(make_run(tmp_path / "run"))
    assert Parts(page).loaded == []
    assert "default-src 'none'" in page
    assert page.count("plotly.js v") <= 1


def test_what_a_user_wrote_is_shown_and_never_executed(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    directory = make_run(tmp_path / "run", SMALL, name=evil)
    (directory / "trials" / "4" / "error.txt").write_text(f"Traceback\nValueError: {evil}\n")
    harmless, parts = Parts(written(make_run(tmp_path / "other"))), Parts(written(directory))
    assert parts.scripts == harmless.scripts
    assert evil in parts.texts
    assert f"error: ValueError: {evil}" in parts.texts
    assert parts.loaded == []


def test_no_more_curves_are_drawn_than_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "CURVES", 20)
    directory = make_run(tmp_path / "run", many(45))
    shown = figures.drawn(open_run(directory), 20)
    assert len(shown) <= 20
    assert {0, 14} <= {trial.number for trial in shown}  # the baseline and the best
    assert f"{len(shown)} of 45 trials are drawn" in written(directory)


def test_a_stopped_curve_ends_in_a_cross_and_a_finished_one_does_not(tmp_path: Path) -> None:
    run = open_run(make_run(tmp_path / "run", [*SMALL, Told(curve=[0.1, 0.2])]))
    figure = figures.learning_curves(run)
    assert figure is not None
    sizes = {trace.name: set(trace.marker.size) for trace in figure.data if trace.mode == "lines+markers"}
    assert sizes["stopped-early (1)"] == {7, 0}
    assert sizes["complete (1)"] == {0}


def test_importance_is_told_only_where_enough_trials_are_complete(tmp_path: Path) -> None:
    assert figures.importances(open_run(make_run(tmp_path / "few", many(7)))) is None
    figure = figures.importances(open_run(make_run(tmp_path / "enough", many(12))))
    assert figure is not None
    assert sum(figure.data[0].x) == pytest.approx(1.0)


def test_the_side_by_side_figure_places_a_branch_not_taken_below_its_axis(tmp_path: Path) -> None:
    taken = Told(curve=[0.8], params={"model.l2": "on", "model.l2.on": 1e-3})
    figure = figures.parallel_coordinates(open_run(make_run(tmp_path / "run", [SMALL[0], taken])))
    assert figure is not None
    axis = next(axis for axis in figure.data[0].dimensions if axis.label == "l2.on")
    assert "–" in axis.ticktext
    assert math.log10(1e-3) in axis["values"]


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
