"""The `tunehound` command: a thin layer over the functions that `search.notebook` offers."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from clusters.tempdirs import temporary_files
from search.cli.cluster import cluster
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
    INPUT_IS_WRONG,
    INTERRUPTED,
    WORK_FAILED,
    command,
    conclude,
    show_configuration,
    show_data_messages,
    show_description,
    show_leaderboard,
    show_plan,
    show_spaces,
    show_synced,
    told,
    warn,
)
from search.cli.submit import submit
from search.logs import calm, wake_tensorflow
from search.terminal import hand_over
from spaces.problem import InputError, WorkFailedError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Finds good hyperparameters for Keras image classifiers: `tunehound run digits` is a first try.",
)


@app.command(epilog=examples("tunehound run digits", "tunehound run my.yaml --set search.trials=8 --name first-try"))
def run(
    sweep: SweepArgument,
    overrides: Overrides = NO_OVERRIDES,
    runs: Runs = RUNS,
    name: Annotated[str | None, typer.Option(help="Of the run; SWEEP and the time where not given.")] = None,
    trust: Trust = NO_TRUST,
) -> None:
    """Run a sweep to its end: search, confirmation, leaderboard, best.yaml, report."""
    from search.tuner.run import run_sweep
    from spaces.file.load import load_sweep

    trust_modules(trust)
    conclude(run_sweep(load_sweep(sweep, overrides), runs=runs, name=name, warn=warn))


@app.command(
    epilog=examples("tunehound resume latest", "tunehound resume s3://my-bucket/runs/first-try --set search.trials=60")
)
def resume(run: RunArgument, overrides: Overrides = NO_OVERRIDES, runs: Runs = RUNS, trust: Trust = NO_TRUST) -> None:
    """Continue an interrupted run; more trials (--set search.trials=N) extend a finished one."""
    from search.find import find_run
    from search.mirror.mirror import send_finished
    from search.run.directory import mirror_of
    from search.tuner.resume import unfinished
    from search.tuner.run import resume_run

    trust_modules(trust)
    tell = partial(told.print, highlight=False)
    directory = find_run(run, runs, tell=tell)
    if not overrides and not unfinished(directory):
        told.print(f"{directory} is finished. To extend it: {command()} resume {directory} --set search.trials=N")
        send_finished(directory, mirror_of(directory), tell=tell)
        return
    conclude(resume_run(directory, overrides=overrides, warn=warn, tell=tell))


@app.command(epilog=examples("tunehound plan digits --check", "tunehound plan my.yaml --set trial.training.epochs=9"))
def plan(
    sweep: SweepArgument,
    overrides: Overrides = NO_OVERRIDES,
    check: Annotated[bool, typer.Option("--check", help="Only check the file, the data and the space.")] = False,
    trust: Trust = NO_TRUST,
) -> None:
    """Check everything, time a few steps, and say what the sweep will come to; trains nothing to the end."""
    from spaces.file.load import load_sweep

    trust_modules(trust)
    show_plan(load_sweep(sweep, overrides), only_check=check)


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
    wake_tensorflow()
    from search.cli.describe import described

    trust_modules(trust)
    show_description(described(source, overrides=overrides, image_size=image_size, classes=classes), as_json=as_json)


@app.command(epilog=examples("tunehound leaderboard latest --top 5", "tunehound leaderboard a b --format csv"))
def leaderboard(
    names: Annotated[list[str], typer.Argument(metavar="RUN…", help="Runs' folders or names, or `latest`.")],
    top: Annotated[int | None, typer.Option(min=1, help="So many trials of each run.")] = None,
    format: Annotated[Literal["table", "csv", "json"], typer.Option(help="For people or for scripts.")] = "table",
    runs: Runs = RUNS,
) -> None:
    """Ranked trials; several runs are compared, a line each."""
    from search.find import find_run

    show_leaderboard([find_run(name, runs) for name in names], top=top, format=format)


@app.command(epilog=examples("tunehound report latest"))
def report(run: RunArgument, runs: Runs = RUNS) -> None:
    """(Re)write report.html."""
    from search.find import find_run
    from search.report import write_report

    hand_over(str(write_report(find_run(run, runs))))


app.add_typer(cluster)
app.command(epilog=examples("tunehound dashboard latest", "tunehound dashboard first-try --port 0"))(dashboard)


@app.command(epilog=examples("tunehound export latest --rank 2", "tunehound export wandb:me/digits/first -o best.yaml"))
def export(
    run: RunArgument,
    rank: Annotated[int, typer.Option(min=1, help="1 is the best.")] = 1,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to; stdout where not given.")] = None,
    runs: Runs = RUNS,
) -> None:
    """Write the configuration of a rank; of a run, or of wandb:ENTITY/PROJECT/GROUP without the run's folder."""
    show_configuration(run, runs, rank=rank, output=output)


app.command(epilog=examples("tunehound retrain latest", "tunehound retrain best.yaml --set data.path=photos -o model"))(
    retrain
)
app.command(
    epilog=examples("tunehound predict retrained photo.png", "ls *.png | tunehound predict retrained - --top 3")
)(predict)


@app.command(
    epilog=examples("tunehound sync latest", "WANDB_MODE=offline tunehound run digits && tunehound sync latest")
)
def sync(run: RunArgument, runs: Runs = RUNS) -> None:
    """Send W&B what it could not be sent while the sweep ran; a second time changes nothing."""
    calm()
    from search.find import find_run
    from search.tracking.sync import sync as send

    directory = find_run(run, runs)
    show_synced(send(directory), directory)


@app.command(epilog=examples("tunehound new photos -o photos.yaml", "tunehound new labels.csv > first.yaml"))
def new(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A folder, a .csv or .npz file, or a set of TensorFlow Datasets.")
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where to; stdout where not given.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
) -> None:
    """Look at a data set and write a commented sweep file for it, which runs as it is."""
    from search.new.inspect import new_sweep

    text = new_sweep(data, output, overwrite=force)
    if output is None:
        hand_over(text, end="")
    else:
        hand_over(str(output))
        told.print(f"Next: {command()} run {output}")


app.command(
    epilog=examples(
        "tunehound submit cluster.yaml -- run my.yaml --set search.trials=60",
        "tunehound submit cluster.yaml --detach tmux -- resume latest",
    )
)(submit)


@app.command(epilog=examples("tunehound spaces", "tunehound spaces digits > mine.yaml", "tunehound spaces --schema"))
def spaces(
    name: Annotated[str | None, typer.Argument(help="Print this ready sweep.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of sweep files.")] = False,
) -> None:
    """List the ready sweeps, or print one."""
    show_spaces(name, schema=schema)


def main() -> NoReturn:
    """The console script: wrong input exits with 2, failed work with 1, an interruption with 130."""
    show_data_messages()
    try:
        with temporary_files():
            app()
    except InputError as error:
        told.print(str(error), highlight=False)
        sys.exit(INPUT_IS_WRONG)
    except (WorkFailedError, OSError) as error:
        told.print(str(error), highlight=False)
        sys.exit(WORK_FAILED)
    except KeyboardInterrupt:
        told.print("Interrupted.")
        sys.exit(INTERRUPTED)
    sys.exit(0)
