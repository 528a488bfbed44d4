"""The `tunehound` command: a thin layer over the same functions that `import tunehound` offers."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from search.cli.cluster import cluster
from search.cli.completion import run_names
from search.cli.dashboard import dashboard
from search.cli.model import predict, retrain
from search.cli.options import (
    NO_OVERRIDES,
    NO_TRUST,
    RUNS,
    Overrides,
    RunArgument,
    Runs,
    SweepArgument,
    Trust,
    examples,
    trust_modules,
)
from search.cli.output import (
    INPUT_ERROR,
    INTERRUPTED,
    WORK_FAILED,
    conclude,
    console,
    show_configuration,
    show_data_messages,
    show_description,
    show_leaderboard,
    show_plan,
    show_spaces,
    show_sync_result,
    show_versions,
    warn,
)
from search.cli.submit import submit
from search.console.logs import quiet_environment, start_tensorflow
from search.console.startup import IMPORTING, StartSteps
from search.console.terminal import flushed_stdout, print_data, write_anyway
from search.disk import describe_failure, temporary_files
from spaces.problem import InputError, WorkFailedError
from spaces.shell import command_line

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def tunehound(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=show_versions, help="Print the versions in use."),
    ] = False,
) -> None:
    """Find good hyperparameters for Keras image classifiers. To try it out: `tunehound run digits`."""


@app.command(epilog=examples("tunehound run digits", "tunehound run my.yaml --set search.trials=8 --name first-try"))
def run(
    sweep: SweepArgument,
    overrides: Overrides = NO_OVERRIDES,
    runs: Runs = RUNS,
    name: Annotated[str | None, typer.Option(help="Name of the run; by default, SWEEP and the time.")] = None,
    trust: Trust = NO_TRUST,
) -> None:
    """Run a sweep from start to finish: search, confirmation, leaderboard, best.yaml and report."""
    with StartSteps(console) as steps:
        steps(f"Reading the sweep {sweep}")
        from spaces.file.load import load_sweep

        trust_modules(trust)
        checked = load_sweep(sweep, overrides)
        steps(IMPORTING)
        from search.tuner.run import run_sweep

        finished = run_sweep(checked, runs=runs, name=name, warn=warn, steps=steps)
    conclude(finished)


@app.command(
    epilog=examples("tunehound resume latest", "tunehound resume s3://my-bucket/runs/first-try --set search.trials=60")
)
def resume(run: RunArgument, overrides: Overrides = NO_OVERRIDES, runs: Runs = RUNS, trust: Trust = NO_TRUST) -> None:
    """Continue an interrupted run, or extend a finished one with --set search.trials=N."""
    with StartSteps(console) as steps:
        steps(IMPORTING)
        from search.find import find_run
        from search.mirror.mirror import send_finished
        from search.run.directory import mirror_of
        from search.tuner.resume import unfinished
        from search.tuner.run import resume_run

        trust_modules(trust)
        log = partial(console.print, highlight=False)
        directory = find_run(run, runs, log=log)
        if not overrides and not unfinished(directory):
            steps.end()
            extend = command_line("resume", directory)
            console.print(f"{directory} is finished. To extend it: {extend} --set search.trials=N")
            send_finished(directory, mirror_of(directory), message=log)
            return
        finished = resume_run(directory, overrides=overrides, warn=warn, message=log, steps=steps)
    conclude(finished)


@app.command(epilog=examples("tunehound plan digits --check", "tunehound plan my.yaml --set trial.training.epochs=9"))
def plan(
    sweep: SweepArgument,
    overrides: Overrides = NO_OVERRIDES,
    check: Annotated[bool, typer.Option("--check", help="Only check the file, the data and the space.")] = False,
    trust: Trust = NO_TRUST,
) -> None:
    """Check everything, time a few training steps and estimate the total cost of a sweep, without running it."""
    from spaces.file.load import load_sweep

    trust_modules(trust)
    show_plan(load_sweep(sweep, overrides), only_check=check)


@app.command(epilog=examples("tunehound describe digits", "tunehound describe mobilenet_v2 --json"))
def describe(
    source: Annotated[
        str, typer.Argument(metavar="CONFIG_OR_BACKBONE", help="A configuration, a sweep (its baseline) or a backbone.")
    ],
    overrides: Overrides = NO_OVERRIDES,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
    image_size: Annotated[int | None, typer.Option(min=1, help="Image side in pixels, if there is no data.")] = None,
    classes: Annotated[int | None, typer.Option(min=2, help="Number of classes, if there is no data.")] = None,
    trust: Trust = NO_TRUST,
) -> None:
    """Show the model that a configuration builds, or a backbone's blocks: layers, parameters and what is trainable."""
    start_tensorflow()
    from search.cli.describe import describe_source

    trust_modules(trust)
    model = describe_source(source, overrides=overrides, image_size=image_size, classes=classes)
    show_description(model, as_json=as_json)


@app.command(epilog=examples("tunehound leaderboard latest --top 5", "tunehound leaderboard a b --format csv"))
def leaderboard(
    names: Annotated[
        list[str],
        typer.Argument(metavar="RUN…", help="Folders or names of runs, or `latest`.", autocompletion=run_names),
    ],
    top: Annotated[int | None, typer.Option(min=1, help="Show this many trials of each run.")] = None,
    format: Annotated[Literal["table", "csv", "json"], typer.Option(help="csv and json are for scripts.")] = "table",
    runs: Runs = RUNS,
) -> None:
    """Show the ranked trials of a run, or compare several runs, one line each."""
    from search.find import find_run

    show_leaderboard([find_run(name, runs) for name in names], top=top, format=format)


@app.command(epilog=examples("tunehound report latest"))
def report(run: RunArgument, runs: Runs = RUNS) -> None:
    """Write report.html, replacing an earlier one."""
    from search.find import find_run
    from search.report import write_report

    print_data(str(write_report(find_run(run, runs))))


app.add_typer(cluster)
app.command(epilog=examples("tunehound dashboard latest", "tunehound dashboard first-try --port 0"))(dashboard)


@app.command(epilog=examples("tunehound export latest --rank 2", "tunehound export wandb:me/digits/first -o best.yaml"))
def export(
    run: RunArgument,
    rank: Annotated[int, typer.Option(min=1, help="Rank of the trial; 1 is the best.")] = 1,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write; stdout by default.")] = None,
    runs: Runs = RUNS,
) -> None:
    """Export the configuration at a rank of RUN, or of wandb:ENTITY/PROJECT/GROUP without the run's folder."""
    show_configuration(run, runs, rank=rank, output=output)


app.command(epilog=examples("tunehound retrain latest", "tunehound retrain best.yaml --set data.path=photos -o model"))(
    retrain
)
app.command(epilog=examples("tunehound predict latest photo.png", "ls *.png | tunehound predict first-try - --top 3"))(
    predict
)


@app.command(epilog=examples("tunehound sync latest", "WANDB_MODE=offline tunehound run digits; tunehound sync latest"))
def sync(run: RunArgument, runs: Runs = RUNS) -> None:
    """Upload to W&B whatever could not be uploaded during the sweep. Running it again changes nothing."""
    quiet_environment()
    from search.find import find_run
    from search.tracking.sync import sync as send

    directory = find_run(run, runs)
    show_sync_result(send(directory), directory)


@app.command(epilog=examples("tunehound new photos -o photos.yaml", "tunehound new labels.csv > first.yaml"))
def new(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A folder, a .csv or .npz file, or the name of a TensorFlow dataset.")
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write; stdout by default.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    skip_unreadable: Annotated[bool, typer.Option(help="Leave out images that cannot be read.")] = False,
) -> None:
    """Inspect a data set and write a commented sweep file for it that is ready to run."""
    from search.new.inspect import new_sweep

    text = new_sweep(data, output, overwrite=force, skip_unreadable=skip_unreadable)
    if output is None:
        print_data(text, end="")
    else:
        print_data(str(output))
        console.print(f"Next: {command_line('run', output)}")


app.command(
    epilog=examples(
        "tunehound submit cluster.yaml -- run my.yaml --set search.trials=60",
        "tunehound submit cluster.yaml --detach tmux -- resume latest",
    )
)(submit)


@app.command(epilog=examples("tunehound spaces", "tunehound spaces digits > mine.yaml", "tunehound spaces --schema"))
def spaces(
    name: Annotated[str | None, typer.Argument(help="Print this ready-made sweep.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of sweep files.")] = False,
) -> None:
    """List the ready-made sweeps, or print one of them."""
    show_spaces(name, schema=schema)


def main() -> NoReturn:
    """Run the console script. Invalid input exits with 2, failed work with 1, an interruption with 130."""
    write_anyway(sys.stdout, sys.stderr)
    show_data_messages()
    try:
        with temporary_files(), flushed_stdout():
            app()
    except InputError as error:
        console.print(str(error), highlight=False)
        sys.exit(INPUT_ERROR)
    except (WorkFailedError, OSError) as error:
        console.print(describe_failure(error), highlight=False)
        sys.exit(WORK_FAILED)
    except KeyboardInterrupt:
        console.print("Interrupted.")
        sys.exit(INTERRUPTED)
    sys.exit(0)
