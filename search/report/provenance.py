"""The provenance of a run and how to retrain its winner: data, sweep file, versions, commit, seeds, next command."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from search.report.page import definitions, preformatted, section
from search.report.plot import blank, html, whole_ticks
from search.run.directory import BEST
from search.run.reader import Run
from spaces.printable import encodable
from spaces.shell import PROGRAM, command_line

CLASSES = 1000
"""The most classes that are drawn, the largest first."""
NAMED = 30
"""The most classes that are named below their bars."""
PARTS = {"train": "#1f5fbf", "validation": "#6aa0e8", "test": "#c3cad1"}


def classes_part(run: Run, frame: pd.DataFrame) -> str:
    """The number of images in each class."""
    counts = class_counts(run.about)
    if counts is None:
        return ""
    figure = class_histogram(counts)
    total = counts.sum(axis="columns")
    parts = ", ".join(f"{int(counts[part].sum()):,} {part}" for part in counts if counts[part].sum())
    least, most = int(total.min()), int(total.max())
    each = f"with {least:,} to {most:,} images, the largest first" if least < most else f"with {most:,} images each"
    note = f"{len(counts)} classes {each}; {parts}."
    note += f" Only the first {CLASSES:,} are drawn." if len(counts) > CLASSES else ""
    return section("Data", html(figure), note=note)


def class_counts(about: Mapping[str, Any]) -> pd.DataFrame | None:
    """Return images by class (rows) and part (columns), the largest class first; None if the run does not say."""
    names: Any = about.get("class_names")
    by_part: Any = about.get("class_counts")
    try:
        counts = {part: by_part[part] for part in PARTS if part in by_part}
        frame = pd.DataFrame(counts, index=[encodable(str(name)) for name in names]).astype(int)
    except (TypeError, ValueError, KeyError):  # an older run, or one whose file was edited
        return None
    if frame.empty:
        return None
    order = frame.sum(axis="columns").sort_values(ascending=False, kind="stable").index
    return frame.loc[order] if frame.index.is_unique else frame


def class_histogram(counts: pd.DataFrame) -> go.Figure:
    """Draw one bar per class, stacked by part."""
    shown = counts.head(CLASSES)
    few = len(shown) <= NAMED
    figure = blank("" if few else "class (hover over a bar for its name)", "images", height=320)
    for part in shown:
        figure.add_trace(
            go.Bar(x=[escape(name) for name in shown.index], y=shown[part].tolist(), name=str(part),
                   marker={"color": PARTS[str(part)], "line": {"width": 0}})
        )  # fmt: skip
    names = {
        "tickvals": [escape(name) for name in shown.index],
        "ticktext": [escape(name[:22]) for name in shown.index],
    }
    ticks = {"type": "category", "tickfont": {"size": 10}, "showticklabels": few, **names}
    figure.update_yaxes(whole_ticks([0, *shown.sum(axis="columns")]))
    return figure.update_layout(barmode="stack", bargap=0.15, xaxis=ticks)


def sweep_part(run: Run, frame: pd.DataFrame) -> str:
    """The sweep file as run."""
    text = (run.directory / "sweep.yaml").read_text(encoding="utf-8")
    return section("Sweep file", f"<details><summary>sweep.yaml</summary>{preformatted(text)}</details>")


def origin_part(run: Run, frame: pd.DataFrame) -> str:
    """Versions, commit, data, seeds."""
    versions = {str(name): value for name, value in dict(run.about.get("versions") or {}).items()}
    known = {"run id": "id", "created": "created", "git commit": "git_commit", "data fingerprint": "data_fingerprint"}
    known |= {"images left out as unreadable": "skipped_images"}
    entries = {label: run.about[key] for label, key in known.items() if run.about.get(key)}
    entries = {"folder": Path(run.directory.parent.name, run.directory.name), **entries}
    return section("Provenance", definitions({**entries, **seeds(run), **versions}))


def seeds(run: Run) -> dict[str, object]:
    """Return every seed of the run: sampler, split, training, confirmation."""
    trial, confirming = run.settings.trial, run.notes.get("confirming") or {}
    known = {
        "sampler seed": run.settings.search.seed,
        "split seed": trial["data"].get("split_seed"),
        "training seed": trial["training"].get("seed"),
        "confirmation seeds": ", ".join(map(str, confirming.get("seeds", []))) or None,
    }
    return {name: seed for name, seed in known.items() if seed is not None}


def retrain_part(run: Run, frame: pd.DataFrame) -> str:
    """The command that retrains the winner."""
    if not (run.directory / BEST).is_file():
        return ""
    best = Path(run.directory.parent.name, run.directory.name, BEST)
    command = command_line("retrain", best, program=PROGRAM)
    note = "This trains the winner on train + validation, evaluates it once on the test split, and saves the model."
    return section("Retrain the winner", preformatted(command), note=note)
