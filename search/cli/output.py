"""What the commands say: results on stdout, progress and messages on stderr."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from search.logs import calm
from search.terminal import ForPeople, Terminal, hand_over, say
from spaces.printable import printable
from trainables.trust import trust_options

if TYPE_CHECKING:
    from search.tracking.sync import Synced
    from search.tuner.run import Finished
    from spaces.file.sweep import Sweep
    from trainables.preflight.describe import Description
    from trainables.retrain.retrain import Retrained

INPUT_IS_WRONG, WORK_FAILED, INTERRUPTED = 2, 1, 130
"""Exit codes."""

told = Terminal(stderr=True, soft_wrap=True)
"""For progress and messages; results go to stdout."""


def conclude(finished: Finished) -> None:
    """Shows what came of a run and says what to do next; exits with 130 where it was interrupted."""
    from search.results.headline import headline
    from search.run.reader import open_run

    directory = finished.directory
    show_leaderboard([directory], top=10, format="table")
    say(headline(open_run(directory)))
    if finished.reason:
        told.print(f"Ended early: {finished.reason}.{_remedy(finished)}")
    told.print(f"Report: {directory / 'report.html'}   Log: {finished.log}")
    if waiting := _not_on_wandb(directory):
        told.print(f"Not on W&B: {waiting}. To send them: {command()} sync {directory}")
    if finished.interrupted:
        told.print(f"Interrupted. Continue with: {command()} resume {directory}{trust_options()}")
        raise typer.Exit(INTERRUPTED)
    if not (directory / "best.yaml").exists():
        told.print(f"No trial came to a result. Why: {directory}/trials/*/error.txt, or the log.")
        raise typer.Exit(WORK_FAILED)
    told.print(f"Next: {command()} retrain {directory / 'best.yaml'}{trust_options()}")


def show_configuration(run: str, runs: str, *, rank: int, output: Path | None) -> None:
    """Prints the configuration of a rank, or writes it and prints where; the run may be one that only W&B knows."""
    from search.find import find_run
    from search.results.export import best_config, write_best
    from spaces.file.write import yaml_text

    if run.startswith("wandb:"):
        calm()
        from search.tracking.download import fetched_config, write_fetched

        result = write_fetched(run, output, rank) if output else yaml_text(fetched_config(run, rank))
    else:
        directory = find_run(run, runs)
        result = write_best(directory, output, rank) if output else yaml_text(best_config(directory, rank))
    hand_over(str(result), end="\n" if output else "")


def show_synced(synced: Synced, directory: Path) -> None:
    """Says what W&B was sent and what not; exits with 1 where something could not be sent."""
    from search.formatting import counted
    from search.tracking.leaderboard import named

    sent = synced.sent
    if synced.off:
        told.print(f"Nothing to send: the sweep of {directory} says `tracking: off`.")
    elif not (sent.trials or sent.parts or synced.left or synced.left_parts):
        told.print(f"Nothing to send: W&B has every trial of {directory}.")
    else:
        trials = [counted(sent.trials, "trial"), counted(sent.epochs, "epoch")] if sent.trials else []
        told.print(f"Sent to W&B: {', '.join([*trials, *named(sent.parts)]) or 'nothing'}.")
    if synced.left or synced.left_parts:
        lacking = [*([counted(synced.left, "trial")] if synced.left else []), *named(synced.left_parts)]
        why = f" ({sent.failures[0]})" if sent.failures else ""
        told.print(f"Not sent: {', '.join(lacking)}{why}. Later: {command()} sync {directory}")
        raise typer.Exit(WORK_FAILED)


def show_data_messages() -> None:
    """Lets the data be heard: decoding that takes long, and a store that has no room."""
    about_data = logging.getLogger("trainables.data")
    handler = logging.StreamHandler()
    handler.setFormatter(ForPeople())
    about_data.addHandler(handler)
    if logging.lastResort:  # by which Python shows the warnings that nobody else takes
        logging.lastResort.setFormatter(ForPeople())
    about_data.setLevel(logging.INFO)


def warn(doubt: str) -> None:
    """Tells what will train, but probably not as it was meant."""
    told.print(printable(f"Warning: {doubt}"), highlight=False)


def show_plan(sweep: Sweep, *, only_check: bool) -> None:
    """Prints what a sweep will come to; exits with 1 where a corner of the space does not train."""
    from search.plan.check import check, doubts
    from search.study.warm_start import earlier_trials

    data, earlier = check(sweep), len(earlier_trials(sweep))
    for doubt in doubts(sweep, data):
        warn(doubt)
    if only_check:
        say(f"{printable(sweep.name)}: nothing is wrong")
        return
    calm()
    from search.plan.capacity import capacity
    from search.plan.corners import measure
    from search.plan.summary import cost_lines, plan_lines

    say("\n".join(map(printable, plan_lines(sweep, data, earlier=earlier))))
    room = capacity(sweep, image_side_px=max(data.image_shape[:2]))
    measured = measure(sweep, room, tell=lambda line: told.print(printable(line), highlight=False))
    say("\n".join(map(printable, cost_lines(sweep, room, measured))))
    for doubt in room.doubts:
        warn(doubt)
    for corner, why in measured.failed:
        warn(f"a corner of the space does not train ({corner.label or 'the only one'}): {why}")
    if measured.failed:
        raise typer.Exit(WORK_FAILED)


def show_leaderboard(directories: list[Path], *, top: int | None, format: str) -> None:
    """Prints the leaderboard of one run; of several a line each, or the first ``top`` trials of each."""
    from search.cli.table import run_table, table
    from search.results.compare import comparison
    from search.results.leaderboard import as_json, compared, leaderboard
    from search.run.reader import open_run
    from trainables.spreadsheet import csv_text

    first, *others = directories
    by_run = bool(others) and top is None
    frame = comparison(directories) if by_run else compared(directories) if others else leaderboard(first)
    if format == "table":
        console = Terminal()
        by_trial = partial(table, metric=open_run(first).metric, top=top)
        console.print((run_table if by_run else by_trial)(frame, width=console.width))
        return
    shown = frame[frame["rank"] <= top] if top else frame
    if format == "json":
        hand_over(as_json(shown))
    else:
        hand_over(csv_text(shown), end="")


def show_description(description: Description, *, as_json: bool) -> None:
    """Prints what a configuration builds, or a backbone's blocks."""
    from search.cli.describe import as_mapping, summary, table_lines

    lines = [*table_lines(description), "", *summary(description)]
    if as_json:
        hand_over(json.dumps(as_mapping(description), indent=2))
    else:
        say("\n".join(map(printable, lines)))


def show_spaces(name: str | None, *, schema: bool) -> None:
    """Prints a line for each ready sweep, or the text of one, or the schema of all."""
    from search.new.ready import ready_lines, ready_text
    from spaces.file.schema import schema as json_schema

    if schema:
        hand_over(json.dumps(json_schema(), indent=2))
    else:
        hand_over(ready_text(name) if name else "\n".join(ready_lines()))


def show_scores(retrained: Retrained) -> None:
    """Prints the test scores: of one seed, or their mean ± standard deviation."""
    from statistics import mean, stdev

    seeds = len(retrained.scores)
    over = f", mean ± sd of {seeds} seeds" if seeds > 1 else ""
    say(f"Test scores on {retrained.test_images} images, read once{over}:")
    for name in retrained.scores[0]:
        values = [scores[name] for scores in retrained.scores]
        spread = f" ± {stdev(values):.4f}" if seeds > 1 else ""
        say(f"  {name:18} {mean(values):.4f}{spread}")
    told.print(f"Saved: {retrained.folder}   Next: {command()} predict {retrained.folder} IMAGE…")


def command() -> str:
    """How this command can be called again: by its name where the shell finds it, else as it was called."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "tunehound" and not shutil.which("tunehound") else "tunehound"


def _not_on_wandb(directory: Path) -> str:
    """What W&B's server does not have, in words; nothing where W&B was not asked for."""
    if not (directory / "wandb").is_dir():
        return ""
    from search.formatting import counted
    from search.run.reader import open_run
    from search.tracking.leaderboard import named, parts_untold
    from search.tracking.ledger import untold

    run = open_run(directory)
    trials = len(untold(run, online=True))
    return ", ".join([*([counted(trials, "trial")] if trials else []), *named(list(parts_untold(run, online=True)))])


def _remedy(finished: Finished) -> str:
    """How to go on after a spent budget; an interruption has a line of its own."""
    spent = finished.reason or ""
    if not spent.startswith("budget."):
        return ""
    return f" To go on: {command()} resume {finished.directory}{trust_options()} --set {spent.split(' ')[0]}=MORE"
