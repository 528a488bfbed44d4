"""What retraining the winner left in the run: test scores, who is taken for whom, every class by itself."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from search.formatting import counted
from search.report.page import Cell, section, table
from search.report.plot import blank, html
from search.results.held_out_scores import raw_metrics, read
from search.run.reader import Run
from trainables.spreadsheet import read_csv

TABLE_BYTES, IMAGE_BYTES = 20_000_000, 100_000
"""A larger file is not read: the run may be a stranger's."""
PAIRS, EXAMPLES = 10, 3
"""No more pairs of classes are shown than this, and no more images of each."""
FEW, LABEL = 30, 22
"""Up to how many classes there is room for large labels, and how many letters of a name they have."""
SQUARE = 250
"""A confusion matrix of more classes is not drawn; the most confused pairs are told all the same."""
PNG = b"\x89PNG\r\n\x1a\n"
SHADES = [[0.0, "#ffffff"], [0.02, "#dce8f7"], [0.1, "#a9c8ee"], [0.4, "#4f8ad6"], [1.0, "#123a7a"]]
"""Steep at its lower end: most mistakes are a few images in a hundred."""


def scores_part(run: Run, frame: pd.DataFrame) -> str:
    """The scores on the test split."""
    found = raw_metrics(run.directory)
    means, deviations = ((found[name] if isinstance(found.get(name), dict) else {}) for name in ("mean", "sd"))
    names = [name for name, value in found.items() if isinstance(value, float)]
    if not names:
        return ""
    rows = [
        [Cell(shown=name, value=name), score(means.get(name, found[name])), score(deviations.get(name))]
        for name in names
    ]
    seeds = found.get("seeds") if isinstance(found.get("seeds"), list) else None
    over = f" Mean and standard deviation of {len(seeds)} seeds; the saved model is the first one's." if seeds else ""
    note = f"The winner, trained on train + validation and scored on {found.get('test_images', '?')} test images, once."
    heads = ["score", "mean" if seeds else "value", "sd"] if seeds else ["score", "value"]
    body = table(heads, [row[: len(heads)] for row in rows], classes=[""] * len(rows), text=["score"])
    body = body.replace('class="sortable"', 'class="sortable narrow"', 1)
    by_hand = run.about.get("by_hand")
    told = f"<p>By hand, as the sweep file has it: {escape(str(by_hand))}</p>" if by_hand else ""
    return section("Test scores", told + body, note=note + over)


def score(value: object) -> Cell:
    """A score, where it is one."""
    if not isinstance(value, float) or not math.isfinite(value):
        return Cell(shown="", value="")
    return Cell(shown=f"{value:.4f}", value=f"{value:.6g}")


def confusion_part(run: Run, frame: pd.DataFrame) -> str:
    """The confusion matrix."""
    matrix = confusion(run)
    if matrix is None or len(matrix) > SQUARE:
        return ""
    width = 150 + (7 * len(matrix) if len(matrix) > FEW else 22 * len(matrix))
    body = f'<div class="wide"><div style="min-width:{width}px">{html(heat_map(matrix))}</div></div>'
    note = "Rows are true classes, columns predictions; the darker, the larger the share. Touch a field to read it."
    return section("Who is taken for whom", body, note=note)


def heat_map(matrix: pd.DataFrame) -> go.Figure:
    """Shares of every true class, as colours; counts, where one points at."""
    counts = matrix.to_numpy()
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    names = [escape(str(name)) for name in matrix.index]
    many = len(names) > FEW
    figure = blank("predicted", "true", height=max(300, 160 + (7 if many else 30) * len(names)))
    figure.add_trace(
        go.Heatmap(z=shares.round(3).tolist(), x=names, y=names, customdata=counts.tolist(), zmin=0, zmax=1,
                   colorscale=SHADES, showscale=False, xgap=0.5, ygap=0.5,
                   hovertemplate="%{y} taken for %{x}:<br>%{customdata} images, %{z:.0%}<extra></extra>")
    )  # fmt: skip
    labels = [escape(str(name)[:LABEL]) for name in matrix.index]
    ticks = {"type": "category", "tickvals": names, "ticktext": labels, "tickfont": {"size": 7 if many else 11}}
    figure.update_yaxes(ticks, autorange="reversed", showgrid=False)
    return figure.update_xaxes(ticks, tickangle=90 if len(names) > 6 else 0, showgrid=False)


def mistakes_part(run: Run, frame: pd.DataFrame) -> str:
    """The pairs of classes that are confused most, with examples."""
    matrix = confusion(run)
    pairs = [] if matrix is None else most_confused(matrix)
    examples = read_table(run, "mistakes.csv", needed=("true", "predicted", "probability", "image", "file"))
    blocks = [pair_block(run, true, guess, count, of, examples) for true, guess, count, of in pairs]
    return section("Most confused", f'<div class="pairs">{"".join(blocks)}</div>' if blocks else "")


def most_confused(matrix: pd.DataFrame) -> list[tuple[str, str, int, int]]:
    """True class, prediction, how many images, of how many of the true class; the most images first."""
    counts = matrix.to_numpy().copy()
    totals = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:PAIRS]
    places = [divmod(int(place), len(counts)) for place in order]
    names = [str(name) for name in matrix.index]
    return [
        (names[row], names[column], int(counts[row, column]), int(totals[row]))
        for row, column in places
        if counts[row, column]
    ]


def pair_block(run: Run, true: str, guess: str, count: int, of: int, examples: pd.DataFrame | None) -> str:
    """One pair of classes and its examples."""
    head = f"<h3><b>{escape(true)}</b> taken for <b>{escape(guess)}</b>: {count} of {counted(of, 'image')}</h3>"
    if examples is None:
        return f"<div>{head}</div>"
    chosen = examples[(examples["true"] == true) & (examples["predicted"] == guess)].head(EXAMPLES)
    photos = "".join(photo(run, record) for record in chosen.to_dict("records"))
    return f'<div>{head}<div class="photos">{photos}</div></div>'


def photo(run: Run, record: Mapping[Any, Any]) -> str:
    """One image that was taken for something else; its name alone where there is no picture."""
    name, sure = str(record["image"]), pd.to_numeric(record["probability"], errors="coerce")
    caption = escape(name if pd.isna(sure) else f"{name}, {sure:.0%} sure")
    picture = read(run.directory, str(record["file"]), limit=IMAGE_BYTES) or b""
    if not picture.startswith(PNG):
        return f"<figure><figcaption>{caption}</figcaption></figure>"
    data = base64.b64encode(picture).decode()
    alt = escape(name, quote=True)
    image = f'<img alt="{alt}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def classification_part(run: Run, frame: pd.DataFrame) -> str:
    """Precision, recall and F1 of every class."""
    classes = read_table(run, "classes.csv", needed=("class", "images", "precision", "recall", "f1"))
    if classes is None:
        return ""
    names = ["class", "images", "precision", "recall", "f1"]
    rows = [
        [Cell(shown=str(record["class"]), value=str(record["class"])), whole(record["images"])]
        + [score(number(record[name])) for name in names[2:]]
        for record in classes.to_dict("records")
    ]
    body = table(names, rows, classes=[""] * len(rows), text=["class"])
    return section("Class by class", body, note="On the test images. Click a column to sort by it.")


def whole(value: object) -> Cell:
    """A count."""
    found = number(value)
    return Cell(shown="", value="") if math.isnan(found) else Cell(shown=f"{found:.0f}", value=f"{found:.0f}")


def number(value: object) -> float:
    """What a field of a file says, NaN where it is no number."""
    return float(pd.to_numeric(pd.Series([value]), errors="coerce").iloc[0])


def confusion(run: Run) -> pd.DataFrame | None:
    """Images by true class (rows) and prediction (columns)."""
    text = read(run.directory, "confusion.csv", limit=TABLE_BYTES)
    try:
        found = read_csv(text or b"")
        matrix = found.set_index(found.columns[0]).astype("int64")
    except ValueError:
        return None
    matrix.index = pd.Index(list(map(str, matrix.index)))
    return matrix if len(matrix) > 0 and matrix.shape[0] == matrix.shape[1] else None


def read_table(run: Run, name: str, *, needed: tuple[str, ...]) -> pd.DataFrame | None:
    """A CSV of the folder, all of it text; None where it is not there, or lacks a column."""
    text = read(run.directory, name, limit=TABLE_BYTES)
    try:
        found = read_csv(text or b"")
    except ValueError:
        return None
    return found if set(needed) <= set(found.columns) else None
