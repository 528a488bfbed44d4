"""`tunehound retrain` and `tunehound predict`: from the winner to a model, and to what it says of images."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from search.cli.options import NO_FORMATS, NO_OVERRIDES, NO_TRUST, RUNS, Formats, Overrides, Runs, Trust, trust_modules
from search.cli.output import WORK_FAILED, show_scores, told
from search.logs import wake_tensorflow


def retrain(
    best: Annotated[str, typer.Argument(metavar="BEST.yaml", help="A configuration, or a run whose best is meant.")],
    overrides: Overrides = NO_OVERRIDES,
    seeds: Annotated[int, typer.Option(min=1, help="Train so often; scores are mean ± sd, the first is saved.")] = 1,
    holdout: Annotated[
        float | None, typer.Option(min=0.01, max=0.9, help="Hold out this share and stop early by it.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="`retrained` beside BEST.yaml if not given.")
    ] = None,
    export: Formats = NO_FORMATS,
    runs: Runs = RUNS,
    trust: Trust = NO_TRUST,
) -> None:
    """Train the best configuration on train + validation, score the test split once, save the model."""
    from search.find import find_best, run_around
    from search.report import write_report

    wake_tensorflow()
    from trainables.retrain.retrain import retrain as train_again

    trust_modules(trust)
    source = find_best(best, runs)
    result = train_again(
        source,
        overrides=overrides,
        seeds=seeds,
        holdout=holdout,
        output=output or source.parent / "retrained",
        formats=export,
        tell=partial(told.print, highlight=False),
    )
    show_scores(result)
    if directory := run_around(result.folder):
        told.print(f"Report: {write_report(directory)}", highlight=False)
    if result.not_exported:
        raise typer.Exit(WORK_FAILED)


def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `retrain` wrote.")],
    paths: Annotated[list[str], typer.Argument(metavar="PATH…|-", help="Images or folders; - reads names from stdin.")],
    top: Annotated[int, typer.Option(min=1, help="Classes to name for each image.")] = 1,
) -> None:
    """Name the class of images: CSV of file, class and probability."""
    wake_tensorflow()
    from search.cli.predictions import listed, write_predictions

    names = listed(sys.stdin.buffer) if paths == ["-"] else paths
    if not write_predictions(folder, names, top=top, file=sys.stdout):
        raise typer.Exit(WORK_FAILED)
