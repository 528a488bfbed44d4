"""Can the trials of a sweep run where it starts? Asked before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from clusters.connection.address import ClusterChoice
from clusters.health.check import NoAnswerError, survey
from clusters.health.diagnose import mixed, silent, told
from clusters.health.survey import Survey, Wish
from clusters.nodes import this_node
from clusters.slots import Node, Slot, choose_slot, count_slots
from search.formatting import counted
from search.logs import calm
from search.machine import count_gpus
from spaces.file.sweep import Resources, Sweep
from spaces.problem import InputError, Problem, WorkFailedError


class UnfitClusterError(WorkFailedError):
    """The cluster is not fit for a sweep."""


def refuse_unfit(sweep: Sweep, cluster: ClusterChoice, *, image_side_px: int, warn: Callable[[str], None]) -> None:
    """Holds a sweep against the cluster that it would run on, or against this machine where that is none.

    Args:
        sweep: what is to run.
        cluster: where.
        image_side_px: of its images.
        warn: is told of nodes that do not answer.

    Raises:
        InputError: no machine has what a trial is to hold, and the cluster's autoscaler may start none that has.
        UnfitClusterError: the cluster does not answer, or not all of its nodes have the driver's versions.
    """
    if cluster.connected:
        return
    calm()
    if not cluster.address:
        if sweep.resources.cpus or sweep.resources.gpus:
            _refuse_without_place(sweep, [this_node(gpus=count_gpus())], (), image_side_px)
        return
    found = asked(cluster, Wish())
    for sentence in told(silent(found)):
        warn(sentence)
    wrong = mixed(found) or ([] if any(node.versions for node in found.nodes) else silent(found))
    if wrong:
        raise UnfitClusterError("\n".join(["Nothing was started: this cluster is not fit for a sweep.", *told(wrong)]))
    _refuse_without_place(sweep, found.alive, found.startable, image_side_px)


def asked(cluster: ClusterChoice, wish: Wish) -> Survey:
    """As `survey`.

    Raises:
        InputError: the address is one of Ray's other services, from which no sweep can be driven.
        UnfitClusterError: there was no answer; the message says what to do.
    """
    if "://" in cluster.address:
        rule = "the address of a cluster is HOST:PORT, and this machine one of its nodes"
        remedy = "unset RAY_ADDRESS, or have the command run on the cluster: `tunehound submit`, or `ray job submit`"
        raise InputError([Problem(rule=rule, given=cluster.address, remedy=remedy)], cluster.named_by)
    try:
        return survey(cluster, wish)
    except NoAnswerError as error:
        gone = f"remove {cluster.named_by}" if cluster.found else "unset RAY_ADDRESS"
        raise UnfitClusterError(
            f"The Ray cluster at {cluster.address}, which {cluster.named_by} names, cannot be asked: {error}\n"
            "    → `ray status` says whether it runs. A machine that is no node of it asks by `tunehound submit`.\n"
            "    → If it wants a token: RAY_AUTH_MODE=token, and the token of its head in ~/.ray/auth_token.\n"
            f"    → If it is gone: {gone}; a sweep then runs on this machine."
        ) from error


def chosen_slot(resources: Resources, nodes: Sequence[Node], *, image_side_px: int) -> Slot:
    """What a trial holds on these nodes, those among them that are yet to be started."""
    return choose_slot(nodes, image_side_px=image_side_px, cpus=resources.cpus, gpus=resources.gpus)


def _refuse_without_place(
    sweep: Sweep, alive: Sequence[Node], startable: Sequence[Node] | None, image_side_px: int
) -> None:
    """Raises: InputError, as `refuse_unfit`. An autoscaler that does not say what it may start is left to try."""
    if startable is None:
        return
    slot = chosen_slot(sweep.resources, [*alive, *startable], image_side_px=image_side_px)
    if count_slots(slot, [*alive, *startable]):
        return
    gpus = f", {slot.gpus:g} GPU{'s' if slot.gpus > 1 else ''}" if slot.gpus else ""
    there = f"there is {_kinds(alive)}" + (f"; there may be {_kinds(startable)}" if startable else "")
    problem = Problem(
        path=("resources",),
        rule="one machine must have what a trial holds",
        given=f"{counted(slot.cpus, 'CPU')}{gpus}, where {there}",
        remedy="ask for less, or add such a machine, or a node type to the cluster file that has as much",
    )
    raise sweep.refusal([problem])


def _kinds(nodes: Sequence[Node]) -> str:
    """``2 machines with 8 CPUs, 1 GPU; 1 machine with 4 CPUs, 0 GPUs``."""
    kinds = Counter(f"{counted(int(node.cpus), 'CPU')}, {counted(int(node.gpus), 'GPU')}" for node in nodes)
    return "; ".join(f"{counted(number, 'machine')} with {kind}" for kind, number in kinds.items())
