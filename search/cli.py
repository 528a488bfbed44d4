"""The `tunehound` command: a thin layer over the functions that `search.notebook` offers."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer
from rich.console import Console

from search.quiet import calm
from spaces.problem import InputError, WorkFailedError

if TYPE_CHECKING:
    from search.run import Finished
    from trainables.retrain import Retrained

INPUT_IS_WRONG, WORK_FAILED, INTERRUPTED = 2, 1, 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Finds good hyperparameters for Keras image classifiers: `tunehound run digits` is a first try.",
)

Overrides = Annotated[
    list[str],
    typer.Option("--set", metavar="PATH=VALUE", help="Replaces a value of the file; VALUE is YAML. May be repeated."),
]
Trust = Annotated[
    list[str],
    typer.Option(metavar="MODULE", help="Lets `kind: custom` run this module of yours. May be repeated."),
]
Runs = Annotated[Path, typer.Option("--runs", metavar="DIR", help="The folder that holds runs.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, its name, or `latest`.")]
SweepArgument = Annotated[
    str, typer.Argument(metavar="SWEEP", help="A sweep file, or the name of a ready one (`tunehound spaces`).")
]
NO_OVERRIDES: list[str] = []
NO_TRUST: list[str] = []
RUNS = Path("runs")


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n\n".join(("Examples:", *lines))


told = Console(stderr=True, soft_wrap=True)
"""For progress and messages; results go to stdout."""


@app.command(epilog=examples("tunehound run digits", "tunehound run my.yaml --set search.trials=8 --name first-try"))
def run(
    sweep: SweepArgument,
    overrides: Overrides = NO_OVERRIDES,
    runs: Runs = RUNS,
    name: Annotated[str | None, typer.Option(help="Of the run; SWEEP and the time where not given.")] = None,
    trust: Trust = NO_TRUST,
) -> None:
    """Run a sweep to its end: search, leaderboard, best.yaml, report."""
    from search.run import run_sweep
    from spaces.load import load_sweep

    trust_modules(trust)
    conclude(run_sweep(load_sweep(sweep, overrides), runs=runs, name=name, warn=warn))


@app.command(epilog=examples("tunehound resume latest", "tunehound resume runs/first-try --set search.trials=60"))
def resume(run: RunArgument, overrides: Overrides = NO_OVERRIDES, runs: Runs = RUNS, trust: Trust = NO_TRUST) -> None:
    """Continue an interrupted run; more trials (--set search.trials=N) extend a finished one."""
    from search.run import resume_run
    from search.runs import find_run, unfinished

    trust_modules(trust)
    directory = find_run(run, runs)
    if not overrides and not unfinished(directory):
        told.print(f"{directory} is finished. To extend it: {command()} resume {directory} --set search.trials=N")
        return
    conclude(resume_run(directory, overrides=overrides))


@app.command(epilog=examples("tunehound plan digits --check", "tunehound plan my.yaml --set trial.training.epochs=9"))
def plan(
    sweep: SweepArgument,
    overrides: Overrides = NO_OVERRIDES,
    check: Annotated[bool, typer.Option("--check", help="Only check the file, the data and the space.")] = False,
    trust: Trust = NO_TRUST,
) -> None:
    """Check everything, and say what the sweep will do; trains nothing."""
    from search.check import check as check_sweep
    from search.check import doubts
    from search.plan import plan_lines
    from spaces.load import load_sweep

    trust_modules(trust)
    loaded = load_sweep(sweep, overrides)
    info = check_sweep(loaded)
    for doubt in doubts(loaded, info):
        warn(doubt)
    typer.echo(f"{loaded.name}: nothing is wrong" if check else "\n".join(plan_lines(loaded, info)))


@app.command(epilog=examples("tunehound describe digits", "tunehound describe mobilenet_v2 --json"))
def describe(
    source: Annotated[
        str, typer.Argument(metavar="CONFIG_OR_BACKBONE", help="A configuration, a sweep (its baseline) or a backbone.")
    ],
    overrides: Overrides = NO_OVERRIDES,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    image_size: Annotated[int | None, typer.Option(min=1, help="Pixels a side, where the data is not at hand.")] = None,
    classes: Annotated[int | None, typer.Option(min=2, help="How many, where the data is not at hand.")] = None,
    trust: Trust = NO_TRUST,
) -> None:
    """Show what a configuration builds, or a backbone's blocks: layers, parameters, what trains."""
    calm()
    from search.describe import as_mapping, described, summary, table_lines
    from trainables.environment import prepare

    trust_modules(trust)
    prepare(cpus=_cores())
    found = described(source, overrides=overrides, image_size=image_size, classes=classes)
    if as_json:
        typer.echo(json.dumps(as_mapping(found), indent=2))
        return
    typer.echo("\n".join([*table_lines(found), "", *summary(found)]))


@app.command(epilog=examples("tunehound leaderboard latest --top 5", "tunehound leaderboard a b --format csv"))
def leaderboard(
    names: Annotated[list[str], typer.Argument(metavar="RUN…", help="Runs' folders or names, or `latest`.")],
    top: Annotated[int | None, typer.Option(min=1, help="Show only so many.")] = None,
    format: Annotated[Literal["table", "csv", "json"], typer.Option(help="For people or for scripts.")] = "table",
    runs: Runs = RUNS,
) -> None:
    """Ranked trials; several runs are compared."""
    from search.runs import find_run

    show_leaderboard([find_run(name, runs) for name in names], top=top, format=format)


@app.command(epilog=examples("tunehound report latest"))
def report(run: RunArgument, runs: Runs = RUNS) -> None:
    """(Re)write report.html."""
    from search.report import write_report
    from search.runs import find_run

    typer.echo(write_report(find_run(run, runs)))


@app.command(epilog=examples("tunehound export latest -o best.yaml", "tunehound export latest --rank 2"))
def export(
    run: RunArgument,
    rank: Annotated[int, typer.Option(min=1, help="1 is the best.")] = 1,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to; stdout where not given.")] = None,
    runs: Runs = RUNS,
) -> None:
    """Write the configuration of a rank."""
    from search.export import best_config, write_best
    from search.runs import find_run
    from spaces.write import yaml_text

    directory = find_run(run, runs)
    if output is None:
        typer.echo(yaml_text(best_config(directory, rank)), nl=False)
    else:
        typer.echo(write_best(directory, output, rank))


@app.command(epilog=examples("tunehound retrain latest", "tunehound retrain best.yaml --set data.path=photos -o model"))
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
    runs: Runs = RUNS,
    trust: Trust = NO_TRUST,
) -> None:
    """Train the best configuration on train + validation, score the test split once, save the model."""
    from search.runs import find_best

    wake_tensorflow()
    from trainables.retrain import retrain as train_again

    trust_modules(trust)
    source = find_best(best, runs)
    result = train_again(
        source,
        overrides=overrides,
        seeds=seeds,
        holdout=holdout,
        output=output or source.parent / "retrained",
        tell=told.print,
    )
    show_scores(result)


@app.command(
    epilog=examples("tunehound predict retrained photo.png", "ls *.png | tunehound predict retrained - --top 3")
)
def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `retrain` wrote.")],
    paths: Annotated[list[str], typer.Argument(metavar="PATH…|-", help="Images or folders; - reads names from stdin.")],
    top: Annotated[int, typer.Option(min=1, help="Classes to name for each image.")] = 1,
) -> None:
    """Name the class of images: CSV of file, class and probability."""
    wake_tensorflow()
    from search.predictions import write_predictions

    names = [line.rstrip("\n") for line in sys.stdin] if paths == ["-"] else paths
    if not write_predictions(folder, names, top=top, file=sys.stdout):
        raise typer.Exit(WORK_FAILED)


@app.command(epilog=examples("tunehound new photos -o photos.yaml", "tunehound new labels.csv > first.yaml"))
def new(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A folder, a .csv or .npz file, or a set of TensorFlow Datasets.")
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to; stdout where not given.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
) -> None:
    """Look at a data set and write a commented sweep file for it, which runs as it is."""
    from search.new import new_sweep

    text = new_sweep(data, output, overwrite=force)
    if output is None:
        typer.echo(text, nl=False)
    else:
        typer.echo(output)
        told.print(f"Next: tunehound run {output}")


@app.command(epilog=examples("tunehound spaces", "tunehound spaces digits > mine.yaml", "tunehound spaces --schema"))
def spaces(
    name: Annotated[str | None, typer.Argument(help="Print this ready sweep.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of sweep files.")] = False,
) -> None:
    """List the ready sweeps, or print one."""
    from search.ready import ready_lines, ready_text
    from spaces.schema import schema as json_schema

    if schema:
        typer.echo(json.dumps(json_schema(), indent=2))
    else:
        typer.echo(ready_text(name) if name else "\n".join(ready_lines()))


def trust_modules(modules: list[str]) -> None:
    """Lets this process, and the trials that it starts, import what the user named with --trust."""
    if modules:
        from trainables.trust import trust

        trust(modules)


def conclude(finished: Finished) -> None:
    """Shows what came of a run and says what to do next; exits with 130 where it was interrupted."""
    from search.leaderboard import leaderboard as read_leaderboard
    from search.leaderboard import verdict

    directory = finished.directory
    show_leaderboard([directory], top=10, format="table")
    typer.echo(verdict(read_leaderboard(directory), finished.metric))
    if finished.reason:
        told.print(f"Ended early: {finished.reason}.{_remedy(finished)}")
    told.print(f"Report: {directory / 'report.html'}   Log: {finished.log}")
    if finished.interrupted:
        told.print(f"Interrupted. Continue with: {command()} resume {directory}")
        raise typer.Exit(INTERRUPTED)
    if not (directory / "best.yaml").exists():
        told.print(f"No trial came to a result. Why: {directory}/trials/*/error.txt, or the log.")
        raise typer.Exit(WORK_FAILED)
    told.print(f"Next: {command()} retrain {directory / 'best.yaml'}")


def warn(doubt: str) -> None:
    """Tells what will train, but probably not as it was meant."""
    told.print(f"Warning: {doubt}", highlight=False)


def show_leaderboard(directories: list[Path], *, top: int | None, format: str) -> None:
    """Prints the leaderboard of one run, or of several together."""
    from search.leaderboard import as_json, compared, leaderboard
    from search.opened import open_run
    from search.table import table

    frame = leaderboard(directories[0]) if len(directories) == 1 else compared(directories)
    if format == "table":
        console = Console()
        console.print(table(frame, metric=open_run(directories[0]).metric, top=top, width=console.width))
        return
    shown = frame.head(top) if top else frame
    typer.echo(as_json(shown) if format == "json" else shown.to_csv(index=False), nl=format == "json")


def show_scores(retrained: Retrained) -> None:
    """Prints the test scores: of one seed, or their mean ± standard deviation."""
    from statistics import mean, stdev

    seeds = len(retrained.scores)
    over = f", mean ± sd of {seeds} seeds" if seeds > 1 else ""
    typer.echo(f"Test scores on {retrained.test_images} images, read once{over}:")
    for name in retrained.scores[0]:
        values = [scores[name] for scores in retrained.scores]
        spread = f" ± {stdev(values):.4f}" if seeds > 1 else ""
        typer.echo(f"  {name:18} {mean(values):.4f}{spread}")
    told.print(f"Saved: {retrained.folder}   Next: {command()} predict {retrained.folder} IMAGE…")


def command() -> str:
    """How this command can be called again: by its name where the shell finds it, else as it was called."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "tunehound" and not shutil.which("tunehound") else "tunehound"


def _remedy(finished: Finished) -> str:
    """How to go on after a spent budget; an interruption has a line of its own."""
    spent = finished.reason or ""
    if not spent.startswith("budget."):
        return ""
    return f" To go on: {command()} resume {finished.directory} --set {spent.split(' ')[0]}=MORE"


def wake_tensorflow() -> None:
    """Imports TensorFlow for this process, with all its cores and without its greetings."""
    calm()
    from trainables.environment import prepare

    prepare(cpus=_cores())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> NoReturn:
    """The console script: wrong input exits with 2, failed work with 1, an interruption with 130."""
    about_data = logging.getLogger("trainables.data")  # what takes long, and what has no room
    about_data.addHandler(logging.StreamHandler())
    about_data.setLevel(logging.INFO)
    try:
        app()
    except InputError as error:
        told.print(str(error), markup=False, highlight=False)
        sys.exit(INPUT_IS_WRONG)
    except (WorkFailedError, OSError) as error:
        told.print(str(error), markup=False, highlight=False)
        sys.exit(WORK_FAILED)
    except KeyboardInterrupt:
        told.print("Interrupted.")
        sys.exit(INTERRUPTED)
    sys.exit(0)
