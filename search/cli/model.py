"""`tunehound retrain` and `tunehound predict`: from the winner to a model, and to what it says of images."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from search.cli.completion import run_names, runs_and_files
from search.cli.options import NO_FORMATS, NO_OVERRIDES, NO_TRUST, RUNS, Formats, Overrides, Runs, Trust, trust_modules
from search.cli.output import WORK_FAILED, console, show_scores
from search.logs import start_tensorflow


def retrain(
    best: Annotated[
        str,
        typer.Argument(
            metavar="RUN|BEST.yaml",
            help="A run's folder or name, or `latest`, whose best.yaml is meant; or a configuration file.",
            autocompletion=runs_and_files,
        ),
    ],
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
    from search.run.directory import RETRAINED

    source = find_best(best, runs)
    start_tensorflow()
    from trainables.retrain.retrain import retrain as train_again

    trust_modules(trust)
    result = train_again(
        source,
        overrides=overrides,
        seeds=seeds,
        holdout=holdout,
        output=output or source.parent / RETRAINED,
        formats=export,
        tell=partial(console.print, highlight=False),
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
            help="A retrained run's folder or name, or `latest`; or the folder that `retrain` wrote.",
            autocompletion=run_names,
        ),
    ],
    paths: Annotated[list[str], typer.Argument(metavar="PATH…|-", help="Images or folders; - reads names from stdin.")],
    top: Annotated[int, typer.Option(min=1, help="Classes to name for each image.")] = 1,
    runs: Runs = RUNS,
) -> None:
    """Name the class of images: CSV of file, class and probability."""
    from search.find import find_retrained

    folder = find_retrained(run, runs)
    start_tensorflow()
    from search.cli.predictions import listed, write_predictions

    names = listed(sys.stdin.buffer) if paths == ["-"] else paths
    if not write_predictions(folder, names, top=top, file=sys.stdout):
        raise typer.Exit(WORK_FAILED)
