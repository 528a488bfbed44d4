"""One self-contained HTML page about a run: who won, by how much, at what cost, and how to get it."""

from __future__ import annotations

import os
from collections import Counter
from html import escape
from pathlib import Path

import pandas as pd

from search.formatting import counted, duration
from search.report.curves import curves_part, rungs_part
from search.report.failures import failures_part
from search.report.hyperparameters import importance_part, parallel_part, slices_part
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
"""The page from top to bottom; what has nothing to tell returns nothing."""


def write_report(run_dir: str | os.PathLike[str]) -> Path:
    """(Re)writes report.html in the run's directory, whole or not at all, and returns where. Needs no network.

    Raises:
        InputError: there is no run in ``run_dir``.
    """
    run = open_run(run_dir)
    frame = leaderboard(run_dir)
    destination = run.directory / "report.html"
    sections = [part(run, frame) for part in SECTIONS]
    write_text(destination, page(title=run.name, lead=lead(run, frame), sections=sections))
    return destination


def lead(run: Run, frame: pd.DataFrame) -> str:
    """The name, the headline, the cost."""
    told = escape(headline(run))
    return f'<h1>{escape(run.name)}</h1><p class="headline">{told}</p><p class="note">{escape(cost(run, frame))}</p>'


def cost(run: Run, frame: pd.DataFrame) -> str:
    """What was spent: ``24 trials (10 complete, 14 stopped-early) · 312 epochs · 12 min 40 s of training in 7 min``."""
    kinds = Counter(map(word, run.trials))
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    trials = f"{counted(len(run.trials), 'trial')} ({told})" if told else "no trials yet"
    spent = (
        f"{trials} · {counted(int(frame['epochs'].sum()), 'epoch')} · {duration(frame['seconds'].sum())} of training"
    )
    if again := trainings(run.notes):
        hours = duration(sum(training.seconds for training in again))
        spent += f" · confirmation: {counted(len(again), 'training')}, "
        spent += f"{counted(sum(training.epochs for training in again), 'epoch')}, {hours}"
    meter = run.notes.get("spent") or {}
    spent += f" · {duration(3600 * float(meter['hours']))} in all" if meter.get("hours") else ""
    usd = (run.settings.resources.usd_per_hour or 0.0) * float(meter.get("slot_hours") or 0.0)
    return f"{spent} · {usd:,.2f} USD" if usd else spent
