"""One self-contained HTML page about a run: the winner, by how much it wins, what it cost, how to retrain it."""

from __future__ import annotations

import os
from collections import Counter
from html import escape
from pathlib import Path

import pandas as pd

from search.formatting import format_count, format_duration
from search.report.curves import curves_part, rungs_part
from search.report.failures import failures_part
from search.report.hyperparameters import parallel_part, slices_part
from search.report.importance import importance_part
from search.report.leaderboard import confirmation_part, leaderboard_part
from search.report.page import page
from search.report.plot import word
from search.report.provenance import classes_part, origin_part, retrain_part, sweep_part
from search.report.retrained import classification_part, confusion_part, mistakes_part, scores_part
from search.report.timeline import history_part
from search.results.headline import headline
from search.results.leaderboard import leaderboard
from search.run.confirmation import trainings
from search.run.reader import Run, open_run
from spaces.file.write import write_text

SECTIONS = (
    leaderboard_part,
    confirmation_part,
    scores_part,
    curves_part,
    rungs_part,
    history_part,
    importance_part,
    slices_part,
    parallel_part,
    failures_part,
    confusion_part,
    mistakes_part,
    classification_part,
    classes_part,
    retrain_part,
    sweep_part,
    origin_part,
)
"""The sections from top to bottom; one without content returns an empty text."""


def write_report(run_dir: str | os.PathLike[str] | Run) -> Path:
    """Write report.html in the run's directory, atomically, and return its path. Needs no network.

    Raises:
        InputError: there is no run in ``run_dir``.
    """
    run = open_run(run_dir)
    frame = leaderboard(run)
    destination = run.directory / "report.html"
    sections = [part(run, frame) for part in SECTIONS]
    write_text(destination, page(title=run.name, lead=lead(run, frame), sections=sections))
    return destination


def lead(run: Run, frame: pd.DataFrame) -> str:
    """The name, the headline, the cost."""
    name, lines = escape(run.name), (escape(headline(run)), escape(cost(run, frame)))
    return f'<h1>{name}</h1><p class="headline">{lines[0]}</p><p class="note">{lines[1]}</p>'


def cost(run: Run, frame: pd.DataFrame) -> str:
    """Return what was spent, in the slots of all trials together and by the clock on the wall.

    ``24 trials (10 complete, 14 stopped-early) · 312 epochs, 12 min 40 s of slot time · 7 min 05 s of wall time``
    """
    kinds = Counter(map(word, run.trials))
    states = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    trials = f"{format_count(len(run.trials), 'trial')} ({states})" if states else "no trials yet"
    epochs, seconds = format_count(int(frame["epochs"].sum()), "epoch"), format_duration(frame["seconds"].sum())
    spent = f"{trials} · {epochs}, {seconds} of slot time"
    if again := trainings(run.notes):
        hours = format_duration(sum(training.seconds for training in again))
        spent += f" · confirmation: {format_count(len(again), 'training')}, "
        spent += f"{format_count(sum(training.epochs for training in again), 'epoch')}, {hours} of slot time"
    meter = run.notes.get("spent") or {}
    spent += f" · {format_duration(3600 * float(meter['hours']))} of wall time" if meter.get("hours") else ""
    usd = (run.settings.resources.usd_per_hour or 0.0) * float(meter.get("slot_hours") or 0.0)
    return f"{spent} · {usd:,.2f} USD" if usd else spent
