"""Whether the trials of a sweep can run where it starts; checked before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from clusters.connection.address import ClusterChoice
from clusters.health.check import NoAnswerError, survey
from clusters.health.diagnose import format_findings, unresponsive_nodes, version_mismatches
from clusters.health.survey import Survey, SurveyRequest
from clusters.slots import Node, Slot, choose_slot, count_slots
from search.console.logs import quiet_environment
from search.formatting import format_count
from search.machine import this_node
from spaces.file.sweep import Resources, Sweep
from spaces.problem import InputError, Problem, WorkFailedError


class UnfitClusterError(WorkFailedError):
    """The cluster cannot run a sweep."""


def check_placement(sweep: Sweep, cluster: ClusterChoice, *, image_side_px: int, warn: Callable[[str], None]) -> None:
    """Check that the cluster a sweep would run on, or else this machine, has room for its trials.

    Args:
        sweep: what is to run.
        cluster: where.
        image_side_px: the longer side of its images.
        warn: called for each node that does not answer.

    Raises:
        InputError: no machine has the resources of a trial, and the autoscaler cannot start one.
        UnfitClusterError: the cluster does not answer, or not all of its nodes have the driver's versions.
    """
    if cluster.connected:
        return
    quiet_environment()
    if not cluster.address:
        check_ray_folder()
        if sweep.resources.cpus or sweep.resources.gpus:
            _check_room(sweep, [this_node()], (), image_side_px)
        return
    found = survey_cluster(cluster, SurveyRequest())
    for sentence in format_findings(unresponsive_nodes(found)):
        warn(sentence)
    wrong = version_mismatches(found) or (
        [] if any(node.versions for node in found.nodes) else unresponsive_nodes(found)
    )
    if wrong:
        raise UnfitClusterError(
            "\n".join(["Nothing was started: this cluster cannot run a sweep.", *format_findings(wrong)])
        )
    _check_room(sweep, found.alive, found.startable, image_side_px)


def survey_cluster(cluster: ClusterChoice, request: SurveyRequest) -> Survey:
    """As `survey`.

    Raises:
        InputError: the address is one of Ray's other services, which cannot drive a sweep.
        UnfitClusterError: there was no answer; the message says what to do.
    """
    if "://" in cluster.address:
        rule = "the address of a cluster must be HOST:PORT, and this machine must be one of its nodes"
        remedy = "unset RAY_ADDRESS, or run the command on the cluster with `tunehound submit` or `ray job submit`"
        raise InputError([Problem(rule=rule, given=cluster.address, remedy=remedy)], cluster.named_by)
    try:
        return survey(cluster, request)
    except NoAnswerError as error:
        forget = f"remove {cluster.named_by}" if cluster.found else "unset RAY_ADDRESS"
        raise UnfitClusterError(
            f"The Ray cluster at {cluster.address} (from {cluster.named_by}) does not respond: {error}\n"
            "    → Check with `ray status` whether it is running. From outside the cluster, use `tunehound submit`.\n"
            "    → If it requires a token: set RAY_AUTH_MODE=token and put the head's token in ~/.ray/auth_token.\n"
            f"    → If it no longer exists: {forget}; the sweep then runs on this machine."
        ) from error


def chosen_slot(resources: Resources, nodes: Sequence[Node], *, image_side_px: int) -> Slot:
    """Choose the slot of a trial on these nodes, which may include nodes that are not started yet."""
    return choose_slot(nodes, image_side_px=image_side_px, cpus=resources.cpus, gpus=resources.gpus)


def _check_room(sweep: Sweep, alive: Sequence[Node], startable: Sequence[Node] | None, image_side_px: int) -> None:
    """Raises: InputError, as `check_placement`. If the autoscaler does not say what it can start, let it try."""
    if startable is None:
        return
    slot = chosen_slot(sweep.resources, [*alive, *startable], image_side_px=image_side_px)
    if count_slots(slot, [*alive, *startable]):
        return
    gpus = f", {slot.gpus:g} GPU{'s' if slot.gpus > 1 else ''}" if slot.gpus else ""
    there = f"there is {_kinds(alive)}" + (f", and there may be {_kinds(startable)}" if startable else "")
    problem = Problem(
        path=("resources",),
        rule="at least one machine must have the resources of a trial",
        given=f"{format_count(slot.cpus, 'CPU')}{gpus}, but {there}",
        remedy="request less, add such a machine, or add such a node type to the cluster file",
    )
    raise sweep.as_error([problem])


def _kinds(nodes: Sequence[Node]) -> str:
    """``2 machines with 8 CPUs, 1 GPU; 1 machine with 4 CPUs, 0 GPUs``."""
    kinds = Counter(f"{format_count(int(node.cpus), 'CPU')}, {format_count(int(node.gpus), 'GPU')}" for node in nodes)
    return "; ".join(f"{format_count(number, 'machine')} with {kind}" for kind, number in kinds.items())


def check_ray_folder() -> None:
    """Raises: InputError: a Ray on this machine has no folder for its files."""
    from clusters.connection.local_ray import ray_folder  # here, because importing Ray takes seconds

    try:
        ray_folder()
    except OSError as error:
        rule, _, remedy = str(error).partition(" → ")
        raise InputError([Problem(rule=rule, remedy=remedy)], "RAY_TMPDIR") from error
