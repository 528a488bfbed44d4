"""`tunehound cluster check`: is this cluster fit for a sweep?"""

from __future__ import annotations

import json
from typing import Annotated, Literal, NoReturn

import typer

from clusters.connection.address import ClusterChoice, choose_cluster
from clusters.health.diagnose import Trouble, troubles
from clusters.health.diagnose import told as sentences
from clusters.health.survey import Wish
from search.cli.options import NO_OVERRIDES, Overrides, examples
from search.cli.output import WORK_FAILED, command, told, warn
from search.formatting import counted
from search.terminal import Terminal, hand_over, say
from spaces.cache import PLACES
from spaces.file.sweep import Sweep, Tracking
from spaces.problem import InputError, Problem

cluster = typer.Typer(name="cluster", no_args_is_help=True, help="Look at the Ray cluster that sweeps run on.")


@cluster.callback()
def several() -> None:
    """Look at the Ray cluster that sweeps run on."""  # with this, typer keeps the name of a single command


@cluster.command(epilog=examples("tunehound cluster check", "tunehound cluster check my.yaml --format json"))
def check(
    sweep: Annotated[
        str | None, typer.Argument(metavar="[SWEEP]", help="Check for this one: its data, its weights, its tracking.")
    ] = None,
    overrides: Overrides = NO_OVERRIDES,
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Of a cluster; the one that this machine is in otherwise.")
    ] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="For people or for scripts.")] = "table",
) -> None:
    """Is this cluster fit for a sweep? A line a node; exit code 1, with what to do, where it is not."""
    from search.cli.cluster_table import as_mapping, node_table, summary
    from search.plan.placement import asked
    from spaces.file.load import load_sweep

    meant = load_sweep(sweep, overrides, check_files=False) if sweep else None
    chosen = choose_cluster(address or "")
    if not address and chosen.address:
        told.print(chosen.sentence, markup=False, highlight=False)
    found = asked(chosen if chosen.address else _no_cluster(chosen), _wish(meant))
    wrong = [*troubles(found), *_untracked(meant)]
    if format == "json":
        hand_over(json.dumps(as_mapping(found, wrong), indent=2))
    else:
        console = Terminal()
        console.print(node_table(found, wrong, width=console.width))
        say(summary(found))
        for sentence in sentences(wrong):
            told.print(sentence, highlight=False)
    if wrong:
        told.print(f"Not fit for a sweep: {counted(len(wrong), 'problem')}.")
        raise typer.Exit(WORK_FAILED)
    if format == "table":
        say("This cluster is fit for a sweep.")


def _no_cluster(chosen: ClusterChoice) -> NoReturn:
    rule = "a cluster must be named, or this machine be in one"
    remedy = "start one (`ray up CLUSTER.yaml`, or `ray start --head` here), or name one with --address HOST:PORT"
    given = chosen.refused or "it is in none, and none is named"
    raise InputError([Problem(rule=rule, given=given, remedy=remedy)], f"{command()} cluster check")


def _wish(sweep: Sweep | None) -> Wish:
    from search.plan.requirements import needs

    return Wish(examine=True, places=PLACES, needs=needs(sweep) if sweep else ())


def _untracked(sweep: Sweep | None) -> list[Trouble]:
    """A key for W&B that is not here. Where the sweep does not say where it is to be shown, that is but a warning."""
    if sweep is None or sweep.tracking.wandb == "off":
        return []
    from search.tracking.client import lacks_key

    if not lacks_key():
        return []
    wrong = "W&B has no key here: trials are recorded offline"
    remedy = "set WANDB_API_KEY where the driver starts, or WANDB_MODE=offline if that is meant"
    if sweep.tracking == Tracking():
        warn(f"{wrong}. {remedy[0].upper()}{remedy[1:]}.")
        return []
    return [Trouble(where="driver", wrong=wrong, remedy=remedy)]
