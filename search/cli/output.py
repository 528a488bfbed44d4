"""The output of the commands: results on stdout, progress and messages on stderr."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from search.console.logs import quiet_environment
from search.console.terminal import PrintableFormatter, Terminal, messages, print_data, print_text
from spaces.printable import printable
from spaces.shell import command_line
from trainables.trust import trust_options

if TYPE_CHECKING:
    from search.run.reader import Run
    from search.tracking.sync import SyncResult
    from search.tuner.driver import RunResult
    from spaces.file.sweep import Sweep
    from trainables.preflight.describe import Description
    from trainables.retrain.retrain import RetrainResult

INPUT_ERROR, WORK_FAILED, INTERRUPTED = 2, 1, 130
"""Exit codes."""

console = Terminal(file=messages(), soft_wrap=True)
"""For progress and messages; results go to stdout."""


def conclude(finished: RunResult) -> None:
    """Show the results of a run and what to do next; exit with 130 if it was interrupted."""
    from search.results.headline import headline

    try:
        show_leaderboard([finished.run], top=10, format="table")
        print_text(headline(finished.run, finished.directory))
    finally:  # stdout may be on a disk that is full
        _show_next_steps(finished)


def _show_next_steps(finished: RunResult) -> None:
    directory = finished.directory
    if finished.reason:
        console.print(f"Stopped early: {finished.reason}.{_remedy(finished)}")
    console.print(f"Report: {directory / 'report.html'}   Log: {finished.log}")
    if waiting := _not_on_wandb(finished.run):
        console.print(f"Not on W&B: {waiting}. To upload: {command_line('sync', directory)}")
    if finished.interrupted:
        console.print(f"Interrupted. Continue with: {command_line('resume', directory)}{trust_options()}")
        raise typer.Exit(INTERRUPTED)
    if not (directory / "best.yaml").exists():  # the headline says why, and what to do
        raise typer.Exit(WORK_FAILED)
    console.print(f"Next: {command_line('retrain', directory / 'best.yaml')}{trust_options()}")


def show_configuration(run: str, runs: str, *, rank: int, output: Path | None) -> None:
    """Print the configuration at a rank, or write it and print the path. The run may exist on W&B only."""
    from search.find import find_run
    from search.results.export import best_config, write_best
    from spaces.file.write import yaml_text

    if run.startswith("wandb:"):
        quiet_environment()
        from search.tracking.download import download_config, write_download

        result = write_download(run, output, rank) if output else yaml_text(download_config(run, rank))
    else:
        directory = find_run(run, runs)
        result = write_best(directory, output, rank) if output else yaml_text(best_config(directory, rank))
    print_data(str(result), end="\n" if output else "")


def show_sync_result(result: SyncResult, directory: Path) -> None:
    """Report what was uploaded to W&B and what was not; exit with 1 if an upload failed."""
    from search.formatting import format_count
    from search.tracking.leaderboard import part_names

    sent = result.uploaded
    if result.off:
        console.print(f"Nothing to upload: the sweep of {directory} has `tracking: off`.")
    elif not (sent.trials or sent.parts or result.missing_trials or result.missing_parts):
        console.print(f"Nothing to upload: W&B is up to date with {directory}.")
    else:
        trials = [format_count(sent.trials, "trial"), format_count(sent.epochs, "epoch")] if sent.trials else []
        console.print(f"Uploaded to W&B: {', '.join([*trials, *part_names(sent.parts)]) or 'nothing'}.")
    if missing := _missing(result.missing_trials, result.missing_parts):
        why = f" ({sent.failures[0]})" if sent.failures else ""
        console.print(f"Not uploaded: {missing}{why}. Try again with: {command_line('sync', directory)}")
        raise typer.Exit(WORK_FAILED)


def show_versions(wanted: bool) -> None:
    """Print the versions of Tunehound and of the libraries that affect results, if ``wanted``, and exit.

    None of these libraries is imported.
    """
    if not wanted:
        return
    from search.run.provenance import versions

    found = dict(versions())
    typer.echo(f"tunehound {found.pop('tunehound')}")
    typer.echo("\n".join(f"  {name} {version}" for name, version in found.items()))
    raise typer.Exit


class ConsoleHandler(logging.Handler):
    """Shows log messages on the console, above the spinner of a step."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a message."""
        console.print(self.format(record), highlight=False)


def show_data_messages() -> None:
    """Show log messages about data on stderr, such as slow decoding or a full store."""
    about_data = logging.getLogger("trainables.data")
    handler = ConsoleHandler()
    handler.setFormatter(PrintableFormatter())
    about_data.addHandler(handler)
    if logging.lastResort:  # Python's handler for warnings that no other handler takes
        logging.lastResort.setFormatter(PrintableFormatter())
    about_data.setLevel(logging.INFO)


def warn(warning: str) -> None:
    """Print a warning about something that will train, but probably not as intended."""
    console.print(printable(f"Warning: {warning}"), highlight=False)


def show_plan(sweep: Sweep, *, only_check: bool) -> None:
    """Print the estimated cost of a sweep; exit with 1 if a corner of the space cannot be trained."""
    from search.plan.check import check, warnings_about
    from search.study.warm_start import earlier_trials

    data, earlier = check(sweep), len(earlier_trials(sweep))
    for warning in warnings_about(sweep, data):
        warn(warning)
    if only_check:
        print_text(f"{printable(sweep.name)}: no problems found")
        return
    quiet_environment()
    from search.plan.capacity import capacity
    from search.plan.corners import measure
    from search.plan.summary import cost_lines, plan_lines

    print_text("\n".join(map(printable, plan_lines(sweep, data, earlier=earlier))))
    room = capacity(sweep, image_side_px=max(data.image_shape[:2]))
    measured = measure(sweep, room, message=lambda line: console.print(printable(line), highlight=False))
    print_text("\n".join(map(printable, cost_lines(sweep, room, measured))))
    for warning in room.warnings:
        warn(warning)
    for corner, why in measured.failed:
        warn(f"a corner of the space cannot be trained ({corner.label or 'the only one'}): {why}")
    if measured.failed:
        raise typer.Exit(WORK_FAILED)


def show_leaderboard(given: Sequence[Path | Run], *, top: int | None, format: str) -> None:
    """Prints the leaderboard of one run; of several a line each, or the first ``top`` trials of each."""
    from search.cli.table import run_table, table
    from search.results.compare import comparison
    from search.results.leaderboard import as_json, compared, leaderboard
    from search.run.reader import open_run
    from trainables.spreadsheet import csv_text

    runs = [open_run(run) for run in given]
    first, *others = runs
    by_run = bool(others) and top is None
    frame = comparison(runs) if by_run else compared(runs) if others else leaderboard(first)
    if format == "table":
        terminal = Terminal()
        by_trial = partial(table, metric=first.metric, top=top)
        terminal.print((run_table if by_run else by_trial)(frame, width=terminal.width))
        return
    shown = frame[frame["rank"] <= top] if top else frame
    if format == "json":
        print_data(as_json(shown))
    else:
        print_data(csv_text(shown), end="")


def show_description(description: Description, *, as_json: bool) -> None:
    """Print the model that a configuration builds, or a backbone's blocks."""
    from search.cli.describe import description_as_mapping, summary, table_lines

    lines = [*table_lines(description), "", *summary(description)]
    if as_json:
        print_data(json.dumps(description_as_mapping(description), indent=2))
    else:
        print_text("\n".join(map(printable, lines)))


def show_spaces(name: str | None, *, schema: bool) -> None:
    """Print one line per ready-made sweep, or the text of one, or the schema of sweep files."""
    from search.new.ready import ready_lines, ready_text
    from spaces.file.schema import schema as json_schema

    if schema:
        print_data(json.dumps(json_schema(), indent=2))
    else:
        print_data(ready_text(name) if name else "\n".join(ready_lines()))


def show_scores(result: RetrainResult) -> None:
    """Print the test scores of one seed, or their mean ± standard deviation over several."""
    from statistics import mean, stdev

    seeds = len(result.scores)
    over = f", mean ± sd of {seeds} seeds" if seeds > 1 else ""
    print_text(f"Test scores on {result.test_images} images, evaluated once{over}:")
    for name in result.scores[0]:
        values = [scores[name] for scores in result.scores]
        spread = f" ± {stdev(values):.4f}" if seeds > 1 else ""
        print_text(f"  {name:18} {mean(values):.4f}{spread}")
    console.print(f"Saved: {result.folder}   Next: {command_line('predict', result.folder)} IMAGE…")


def _not_on_wandb(run: Run) -> str:
    """Describe what W&B's server lacks; empty if the run is not tracked."""
    if not (run.directory / "wandb").is_dir():
        return ""
    from search.tracking.leaderboard import missing_parts
    from search.tracking.ledger import missing_trials

    return _missing(len(missing_trials(run, online=True)), list(missing_parts(run, online=True)))


def _missing(trials: int, parts: Sequence[str]) -> str:
    """Describe what W&B lacks: ``3 trials, the leaderboard``; empty if nothing."""
    from search.formatting import format_count
    from search.tracking.leaderboard import part_names

    return ", ".join([*([format_count(trials, "trial")] if trials else []), *part_names(parts)])


def _remedy(finished: RunResult) -> str:
    """Describe how to continue with a larger budget; an interruption has its own message."""
    reason = finished.reason or ""
    if not reason.startswith("budget."):
        return ""
    resume = command_line("resume", finished.directory)
    return f" To continue: {resume}{trust_options()} --set {reason.split(' ')[0]}=MORE"
