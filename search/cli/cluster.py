"""`tunehound cluster check`: is this cluster ready for a sweep?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from search.cli.options import NO_OVERRIDES, Overrides, examples
from search.cli.output import WORK_FAILED, console, warn
from search.console.terminal import Terminal, print_data, print_text
from search.formatting import format_count
from spaces.cache import PLACES
from spaces.problem import InputError, Problem
from spaces.shell import command_line

if TYPE_CHECKING:
    from clusters.connection.address import ClusterChoice
    from clusters.health.diagnose import Finding
    from clusters.health.survey import SurveyRequest
    from spaces.file.sweep import Sweep

cluster = typer.Typer(name="cluster", no_args_is_help=True, help="Inspect the Ray cluster that sweeps run on.")


@cluster.callback()
def group() -> None:
    """Inspect the Ray cluster that sweeps run on."""  # makes typer keep `check` although it is the only command


@cluster.command(epilog=examples("tunehound cluster check", "tunehound cluster check my.yaml --format json"))
def check(
    sweep: Annotated[
        str | None, typer.Argument(metavar="[SWEEP]", help="Also check this sweep's data, weights and tracking.")
    ] = None,
    overrides: Overrides = NO_OVERRIDES,
    address: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="The cluster; by default, the one this machine is in.")
    ] = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="json is for scripts.")] = "table",
) -> None:
    """Check whether the cluster is ready for a sweep; if not, say what to fix and exit with 1."""
    from clusters.connection.address import choose_cluster
    from clusters.health.diagnose import find_problems, format_findings
    from search.cli.cluster_table import node_table, summary, survey_as_mapping
    from search.plan.placement import survey_cluster
    from spaces.file.load import load_sweep

    wanted = load_sweep(sweep, overrides, check_files=False) if sweep else None
    chosen = choose_cluster(address or "")
    if not address and chosen.address:
        console.print(chosen.message, markup=False, highlight=False)
    found = survey_cluster(chosen if chosen.address else _no_cluster(chosen), _survey_request(wanted))
    findings = [*find_problems(found), *_missing_wandb_key(wanted)]
    if format == "json":
        print_data(json.dumps(survey_as_mapping(found, findings), indent=2))
    else:
        terminal = Terminal()
        terminal.print(node_table(found, findings, width=terminal.width))
        print_text(summary(found))
        for sentence in format_findings(findings):
            console.print(sentence, highlight=False)
    if findings:
        console.print(f"Not ready for a sweep: {format_count(len(findings), 'problem')}.")
        raise typer.Exit(WORK_FAILED)
    if format == "table":
        print_text("This cluster is ready for a sweep.")


def _no_cluster(chosen: ClusterChoice) -> NoReturn:
    rule = "this machine must belong to a cluster, or an address must be given"
    remedy = "start one (`ray up CLUSTER.yaml`, or `ray start --head` here) or give --address HOST:PORT"
    given = chosen.rejection or "no cluster and no address"
    raise InputError([Problem(rule=rule, given=given, remedy=remedy)], command_line("cluster", "check"))


def _survey_request(sweep: Sweep | None) -> SurveyRequest:
    from clusters.health.survey import SurveyRequest
    from search.plan.requirements import requirements

    return SurveyRequest(examine=True, places=PLACES, requirements=requirements(sweep) if sweep else ())


def _missing_wandb_key(sweep: Sweep | None) -> list[Finding]:
    """Return a missing W&B key as a finding; only warn if the sweep does not ask for tracking explicitly."""
    if sweep is None or sweep.tracking.wandb == "off":
        return []
    from clusters.health.diagnose import Finding
    from search.tracking.client import lacks_key
    from spaces.file.sweep import Tracking

    if not lacks_key():
        return []
    problem = "there is no W&B key here: trials will be recorded offline"
    remedy = "set WANDB_API_KEY where the driver starts, or WANDB_MODE=offline if that is intended"
    if sweep.tracking == Tracking():
        warn(f"{problem}. {remedy[0].upper()}{remedy[1:]}.")
        return []
    return [Finding(where="driver", wrong=problem, remedy=remedy)]
