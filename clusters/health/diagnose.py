"""What is wrong with a surveyed cluster, and what to do about it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from clusters.health.probe import NONE
from clusters.health.survey import NodeFacts, Survey, SurveyedNode

FREE_BYTES = 5e9
"""Free space that a disk needs for decoded data, Ray's logs and spilled objects."""
CLOCK_S = 2.0
"""How far clocks may differ."""
NAMED = 8
"""How many nodes with the same finding are listed; the table and JSON have all."""
CLUSTER = "cluster"
"""The place of a finding that concerns no single node."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that makes a cluster unfit for a sweep."""

    where: str
    """The node, by its name from `names`."""
    wrong: str
    remedy: str


def format_findings(findings: Iterable[Finding]) -> list[str]:
    """Format each finding in two lines; the same finding of many nodes appears once."""
    where: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        where.setdefault((finding.wrong, finding.remedy), []).append(finding.where)
    return [f"{_listed(nodes)}: {wrong}\n    → {remedy}" for (wrong, remedy), nodes in where.items()]


def _listed(nodes: Sequence[str]) -> str:
    rest = len(nodes) - NAMED
    return ", ".join(nodes) if rest <= 1 else f"{', '.join(nodes[:NAMED])} and {rest} more"


def find_problems(found: Survey) -> list[Finding]:
    """Return everything that is wrong; an empty list if the cluster is fit for a sweep."""
    called = names(found.nodes)
    of_nodes = (_of_node(node, called[node.id], found.versions) for node in found.nodes)
    return [*(finding for each in of_nodes for finding in each), *_of_cluster(found)]


def unresponsive_nodes(found: Survey) -> list[Finding]:
    """Return a finding for each node that did not answer."""
    called = names(found.nodes)
    return [finding for node in found.nodes for finding in _silence(node, called[node.id])]


def version_mismatches(found: Survey) -> list[Finding]:
    """Return a finding for each node whose versions, or code of the same version, differ from the driver's."""
    called = names(found.nodes)
    return [finding for node in found.nodes for finding in _versions(node, called[node.id], found.versions)]


def names(nodes: Iterable[SurveyedNode]) -> dict[str, str]:
    """Name each node, by Ray's id: its host, with its address or id if several have the same host name."""
    nodes = list(nodes)
    hosts = Counter(node.host for node in nodes)
    addresses = Counter((node.host, node.address) for node in nodes)

    def name(node: SurveyedNode) -> str:
        if hosts[node.host] == 1:
            return node.host
        suffix = node.address if addresses[node.host, node.address] == 1 else node.id[:8]
        return f"{node.host} ({suffix})"

    return {node.id: name(node) for node in nodes}


def differing_packages(theirs: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    """Return the packages whose versions differ from the driver's; ``code`` only if all versions agree."""
    other = [name for name in ours if name != "code" and _comparable(name, theirs) != _comparable(name, ours)]
    return other or [name for name in ("code",) if theirs.get(name) != ours.get(name)]


def _comparable(name: str, versions: Mapping[str, str]) -> str | None:
    """Return the part of a version that matters: of Python's, Ray itself compares the rest."""
    version = versions.get(name)
    return version.rpartition(".")[0] if version and name == "python" else version


def _of_node(node: SurveyedNode, name: str, versions: Mapping[str, str]) -> Iterator[Finding]:
    yield from _silence(node, name)
    yield from _versions(node, name, versions)
    if node.facts:
        yield from _gpus(node, node.facts, name)
        yield from _storage(node, node.facts, name)
        for missing in node.facts.missing:
            remedy = "copy it to the same path on every node (`file_mounts` in the cluster file does that)"
            yield Finding(where=name, wrong=f"{missing} is missing", remedy=remedy)
    if node.clock_s is not None and abs(node.clock_s) - node.clock_error_s > CLOCK_S:
        ahead = f"{abs(node.clock_s):.1f} s {'ahead of' if node.clock_s > 0 else 'behind'} the driver's"
        wrong = f"its clock is {ahead}: log times and leases are wrong, and object stores reject its requests"
        yield Finding(
            where=name, wrong=wrong, remedy="synchronise the hosts' clocks by NTP: chrony or systemd-timesyncd"
        )


def _silence(node: SurveyedNode, name: str) -> Iterator[Finding]:
    if node.fault:
        remedy = "see Ray's logs there (/tmp/ray/session_latest/logs); the host may be overloaded or shutting down"
        yield Finding(where=name, wrong=node.fault, remedy=remedy)


def _versions(node: SurveyedNode, name: str, versions: Mapping[str, str]) -> Iterator[Finding]:
    if node.versions is None or not (packages := differing_packages(node.versions, versions)):
        return
    theirs, ours = ([each.get(package, NONE) for package in packages] for each in (node.versions, versions))
    if packages == ["code"]:
        wrong = f"its Tunehound {versions['tunehound']} has other code than the driver's ({theirs[0]}, not {ours[0]})"
    else:
        named = [f"{package} {version}" for package, version in zip(packages, theirs, strict=True)]
        wrong = f"{', '.join(named)}, but the driver has {', '.join(ours)}".replace(f" {NONE}", " not installed")
    remedy = "install the driver's versions there, then restart Ray on that host (`ray up` does both)"
    yield Finding(where=name, wrong=wrong, remedy=remedy)


def _gpus(node: SurveyedNode, facts: NodeFacts, name: str) -> Iterator[Finding]:
    seen, counted = facts.tensorflow_gpus, node.has.gpus
    if counted > (seen or 0):
        wrong = f"Ray counts {_format_gpus(counted)}, but TensorFlow sees {seen or 'none'}"
        remedy = "install TensorFlow's CUDA libraries there: pip install 'tunehound[gpu]'; `nvidia-smi` must work, too"
        yield Finding(where=name, wrong=wrong, remedy=remedy)
    elif seen and seen > counted and node.has.cpus:  # a node without CPUs is kept free of trials
        wrong = f"TensorFlow sees {_format_gpus(seen)}, but Ray counts {counted:g}: no trial uses the rest"
        yield Finding(where=name, wrong=wrong, remedy=f"start Ray there with --num-gpus={seen}")


def _format_gpus(number: float) -> str:
    return f"{number:g} GPU{'' if number == 1 else 's'}"


def _storage(node: SurveyedNode, facts: NodeFacts, name: str) -> Iterator[Finding]:
    if facts.cache_fault:
        wrong = f"the data cache {facts.cache} cannot be written, locked and memory-mapped: {facts.cache_fault}"
        remedy = "set TUNEHOUND_CACHE to a folder on a local disk, in the environment of `ray start`"
        yield Finding(where=name, wrong=wrong, remedy=remedy)
    for folder, free in _scarce(facts.free_bytes).items():
        wrong = f"the disk of {folder} has only {free / 1e9:.1f} GB free; {FREE_BYTES / 1e9:.0f} GB are needed"
        remedy = "free some space, or choose another disk: TUNEHOUND_CACHE for data, `ray start --temp-dir` for Ray"
        yield Finding(where=name, wrong=wrong, remedy=remedy)
    wanted = node.object_store_bytes
    if facts.shm_bytes is not None and facts.shm_bytes < wanted:
        wrong = f"shared memory has {facts.shm_bytes / 1e9:.1f} GB, but Ray wants {wanted / 1e9:.1f} GB: it uses a disk"
        remedy = "enlarge /dev/shm (Docker: --shm-size; otherwise: mount -o remount,size=…), then restart Ray there"
        yield Finding(where=name, wrong=wrong, remedy=remedy)


def _scarce(free_bytes: Mapping[str, int]) -> dict[str, int]:
    """Return the folders on nearly full disks; of folders with the same free space, which share a disk, the first."""
    first: dict[int, str] = {}
    for folder, free in free_bytes.items():
        first.setdefault(free // 10**7, folder)
    return {folder: free_bytes[folder] for folder in first.values() if free_bytes[folder] < FREE_BYTES}


def _of_cluster(found: Survey) -> Iterator[Finding]:
    """Check who else can use the cluster. The head says whether Ray requires a token."""
    heads = [node.facts for node in found.nodes if node.head and node.facts]
    token = all(facts.token for facts in heads)
    if heads and not token and len({node.address for node in found.nodes}) > 1:
        wrong = "token authentication is off: anyone who can reach a port of Ray can run code on every node"
        remedy = (
            "`ray get-auth-token --generate`, copy ~/.ray/auth_token to every node, set RAY_AUTH_MODE=token, restart"
        )
        yield Finding(where=CLUSTER, wrong=wrong, remedy=remedy)
    # KubeRay talks to the dashboard from another pod.
    excused = token and any(facts.kubernetes for facts in heads)
    if found.dashboard and not is_loopback(found.dashboard) and heads and not excused:
        wrong = f"the dashboard listens on {found.dashboard}, which other machines can reach, and it can run programs"
        remedy = (
            "start the head with --dashboard-host=127.0.0.1, and open the dashboard by `ray dashboard CLUSTER.yaml`"
        )
        yield Finding(where=CLUSTER, wrong=wrong, remedy=remedy)


def is_loopback(place: str) -> bool:
    """Whether HOST:PORT can be reached from its own machine only."""
    host = urlsplit(f"//{place}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
