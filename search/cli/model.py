"""`tunehound retrain` and `tunehound predict`: from the winner to a model, and from the model to predictions."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from search.cli.completion import run_names, runs_and_files
from search.cli.options import NO_FORMATS, NO_OVERRIDES, NO_TRUST, RUNS, Formats, Overrides, Runs, Trust, trust_modules
from search.cli.output import WORK_FAILED, console, show_scores
from search.console.logs import start_tensorflow


def retrain(
    best: Annotated[
        str,
        typer.Argument(
            metavar="RUN|BEST.yaml",
            help="The folder or name of a run, or `latest`, to use its best.yaml; or a configuration file.",
            autocompletion=runs_and_files,
        ),
    ],
    overrides: Overrides = NO_OVERRIDES,
    seeds: Annotated[int, typer.Option(min=1, help="Number of seeds to train with; the first model is saved.")] = 1,
    holdout: Annotated[
        float | None, typer.Option(min=0.01, max=0.9, help="Hold out this share of the images for early stopping.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Output folder; by default `retrained` next to BEST.yaml.")
    ] = None,
    export: Formats = NO_FORMATS,
    runs: Runs = RUNS,
    trust: Trust = NO_TRUST,
) -> None:
    """Train the best configuration on train + validation, evaluate it once on the test split and save the model."""
    from search.find import find_best, run_around
    from search.report import write_report
    from search.run.directory import RETRAINED

    source = find_best(best, runs)
    start_tensorflow()
    from trainables.retrain.retrain import retrain as retrain_best

    trust_modules(trust)
    result = retrain_best(
        source,
        overrides=overrides,
        seeds=seeds,
        holdout=holdout,
        output=output or source.parent / RETRAINED,
        formats=export,
        log=partial(console.print, highlight=False),
    )
    show_scores(result)
    if directory := run_around(result.folder):
        console.print(f"Report: {write_report(directory)}", highlight=False)
    if result.not_exported:
        raise typer.Exit(WORK_FAILED)


def predict(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DIR",
            help="The folder or name of a retrained run, or `latest`; or a folder written by `retrain`.",
            autocompletion=run_names,
        ),
    ],
    paths: Annotated[list[str], typer.Argument(metavar="PATH…|-", help="Images or folders; - reads names from stdin.")],
    top: Annotated[int, typer.Option(min=1, help="Number of classes to list for each image.")] = 1,
    runs: Runs = RUNS,
) -> None:
    """Classify images; prints CSV with file, rank, class and probability."""
    from search.find import find_retrained

    folder = find_retrained(run, runs)
    start_tensorflow()
    from search.cli.predictions import read_names, write_predictions

    names = read_names(sys.stdin.buffer) if paths == ["-"] else paths
    if not write_predictions(folder, names, top=top, file=sys.stdout):
        raise typer.Exit(WORK_FAILED)
