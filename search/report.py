"""One self-contained HTML page about a run: who won, by how much, at what cost, and how to get it."""

from __future__ import annotations

import math
import os
from collections import Counter
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from search import figures
from search.headline import headline
from search.leaderboard import ABOUT, leaderboard
from search.opened import Run, open_run, reason, state
from search.page import Cell, definitions, page, preformatted, section, table
from search.wording import compact, counted, duration, ending, ending_and_why
from spaces.write import write_text

ROWS = 1000
"""No more rows of the leaderboard than this; leaderboard.csv has all."""


def write_report(run_dir: str | os.PathLike[str]) -> Path:
    """(Re)writes report.html in the run's directory, whole or not at all, and returns where. Needs no network.

    Raises:
        InputError: there is no run in ``run_dir``.
    """
    run = open_run(run_dir)
    frame = leaderboard(run_dir)
    destination = run.directory / "report.html"
    sections = [part(run, frame) for part in SECTIONS]
    plots = any("plotly" in each for each in sections)
    write_text(destination, page(title=run.name, lead=lead(run, frame), sections=sections, plots=plots))
    return destination


def lead(run: Run, frame: pd.DataFrame) -> str:
    """The name, the headline, the cost."""
    told = escape(headline(run))
    return f'<h1>{escape(run.name)}</h1><p class="headline">{told}</p><p class="note">{escape(cost(run, frame))}</p>'


def cost(run: Run, frame: pd.DataFrame) -> str:
    """What was spent: ``24 trials (10 complete, 14 stopped-early) · 312 epochs · 12 min 40 s of training``."""
    kinds = Counter(ending(state(trial), reason(trial)) for trial in run.trials)
    told = ", ".join(f"{number} {word}" for word, number in kinds.most_common())
    trials = f"{counted(len(run.trials), 'trial')} ({told})" if told else "no trials yet"
    return f"{trials} · {counted(int(frame['epochs'].sum()), 'epoch')} · {duration(frame['seconds'].sum())} of training"


def leaderboard_part(run: Run, frame: pd.DataFrame) -> str:
    """The ranked trials."""
    if frame.empty:
        return ""
    confirmed = ["mean", "sd", "seeds"] if (frame["seeds"] > 0).any() else []
    values = [name for name in frame.columns if name not in {*ABOUT, run.metric}]
    names = ["rank", "trial", run.metric, *confirmed, "state", *values, "epochs", "best_epoch", "seconds"]
    records = frame.head(ROWS).to_dict("records")
    rows = [[cell(name, record, run.metric) for name in names] for record in records]
    left_out = f" The first {ROWS:,} of {len(frame):,}; leaderboard.csv has all." if len(frame) > ROWS else ""
    note = "A trial is worth its best epoch. Click a column to sort by it." + left_out
    text = ["state", *(name for name in values if any(isinstance(record[name], str) for record in records))]
    heads = [name.replace("_", " ") if name == "best_epoch" else name for name in names]
    body = table(heads, rows, classes=[row_class(record) for record in records], text=text)
    return section("Leaderboard", body, note=note)


def cell(name: str, record: dict[Any, Any], metric: str) -> Cell:
    """One field of the leaderboard."""
    value = record[name]
    if name == "state":
        word = ending_and_why(value, record["reason"])
        return Cell(shown=word, value=word)
    if value is None or pd.isna(value):
        return Cell(shown="", value="")
    if name == "trial":
        return Cell(shown=f"{value} (baseline)" if record["baseline"] else str(value), value=str(value))
    shown = f"{value:.4f}" if name in (metric, "mean", "sd") else compact(value)
    return Cell(shown=f"{value:.1f}" if name == "seconds" else shown, value=str(value))


def row_class(record: dict[Any, Any]) -> str:
    """How a row is lit."""
    if record["rank"] == 1 and record["state"] != "failed":
        return "best"
    if record["baseline"]:
        return "baseline"
    return "failed" if ending(record["state"], record["reason"]) in ("failed", "diverged") else ""


def curves_part(run: Run, frame: pd.DataFrame) -> str:
    """The learning curves."""
    figure = figures.learning_curves(run)
    note = f"{run.metric} by epoch. A cross is where a trial was stopped."
    if len(run.trials) > figures.CURVES:
        note += f" {len(figures.drawn(run, figures.CURVES))} of {len(run.trials):,} trials are drawn:"
        note += " the best, the baseline, and others spread evenly over the search."
    return "" if figure is None else section("Learning curves", figures.html(figure), note=note)


def history_part(run: Run, frame: pd.DataFrame) -> str:
    """The course of the search."""
    figure = figures.optimisation_history(run)
    note = "Each trial's best epoch, in the order in which trials began; the dashed line is the baseline."
    return "" if figure is None else section("Course of the search", figures.html(figure), note=note)


def importance_part(run: Run, frame: pd.DataFrame) -> str:
    """What mattered."""
    figure = figures.importances(run)
    note = "How much of the difference between good and other trials each open value explains; complete trials only."
    if figure is None:
        told = f"Cannot be told yet: it takes {figures.ENOUGH} complete trials that differ."
        return section("What mattered", f'<p class="note">{told}</p>')
    return section("What mattered", figures.html(figure), note=note)


def parallel_part(run: Run, frame: pd.DataFrame) -> str:
    """All trials side by side."""
    figure = figures.parallel_coordinates(run)
    if figure is None:
        return ""
    width = 110 * (len(run.names) + 1)
    body = f'<div class="scroll"><div style="min-width:{width}px">{figures.html(figure)}</div></div>'
    return section("All trials side by side", body, note="A line a trial. Drag along an axis to select.")


def failures_part(run: Run, frame: pd.DataFrame) -> str:
    """What went wrong, trial by trial."""
    failed = [trial for trial in run.trials if ending(state(trial), reason(trial)) in ("failed", "diverged")]
    told = {f"trial {trial.number}": failure(run, trial.number, reason(trial)) for trial in failed[:ROWS]}
    body = f'<div class="scroll">{definitions(told)}</div>' if told else ""
    return section("Failures", body)


def failure(run: Run, number: int, why: str) -> str:
    """Why a trial failed: the reason, and the last line of its error."""
    file = run.directory / "trials" / str(number) / "error.txt"
    lines = file.read_text(encoding="utf-8", errors="replace").strip().splitlines() if file.is_file() else []
    return f"{why}: {lines[-1][:500]}" if lines else why


def sweep_part(run: Run, frame: pd.DataFrame) -> str:
    """The sweep file as run."""
    text = (run.directory / "sweep.yaml").read_text(encoding="utf-8")
    return section("The sweep", f"<details><summary>sweep.yaml</summary>{preformatted(text)}</details>")


def origin_part(run: Run, frame: pd.DataFrame) -> str:
    """Versions, commit, data."""
    versions = {str(name): value for name, value in dict(run.about.get("versions") or {}).items()}
    known = {"run id": "id", "created": "created", "git commit": "git_commit", "data fingerprint": "data_fingerprint"}
    entries = {told: run.about[key] for told, key in known.items() if run.about.get(key)}
    return section("Where this comes from", definitions({**entries, **versions}))


def retrain_part(run: Run, frame: pd.DataFrame) -> str:
    """The next command."""
    if frame.empty or math.isnan(frame.iloc[0][run.metric]):
        return ""
    place = f"{run.directory.parent.name}/{run.directory.name}"
    command = f"tunehound retrain {place}/best.yaml"
    note = "Trains the winner on train + validation, scores the test split once, and saves the model."
    return section("How to retrain the winner", preformatted(command), note=note)


SECTIONS = (
    leaderboard_part,
    curves_part,
    history_part,
    importance_part,
    parallel_part,
    failures_part,
    retrain_part,
    sweep_part,
    origin_part,
)
"""The page from top to bottom; what has nothing to tell returns nothing."""
