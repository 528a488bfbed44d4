"""What is wrong with a cluster that was looked at, and what to do about it."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from clusters.health.probe import NONE
from clusters.health.survey import Facts, SeenNode, Survey

FREE_BYTES = 5e9
"""Of a disk, that must be free: decoded data, Ray's logs and what does not fit into memory go there."""
CLOCK_S = 2.0
"""Clocks may differ by so much."""
NAMED = 8
"""So many nodes are named that have the same trouble; the table and JSON have all."""
CLUSTER = "cluster"
"""Where something is wrong that no single node is to blame for."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Something that keeps a cluster from being fit for a sweep."""

    where: str
    """The node, as `names` calls it."""
    wrong: str
    remedy: str


def told(troubles: Iterable[Trouble]) -> list[str]:
    """Two lines for each trouble, and the same trouble of many nodes once."""
    where: dict[tuple[str, str], list[str]] = {}
    for trouble in troubles:
        where.setdefault((trouble.wrong, trouble.remedy), []).append(trouble.where)
    return [f"{_listed(nodes)}: {wrong}\n    → {remedy}" for (wrong, remedy), nodes in where.items()]


def _listed(nodes: Sequence[str]) -> str:
    rest = len(nodes) - NAMED
    return ", ".join(nodes) if rest <= 1 else f"{', '.join(nodes[:NAMED])} and {rest} more"


def troubles(found: Survey) -> list[Trouble]:
    """All that is wrong; nothing where the cluster is fit for a sweep."""
    called = names(found.nodes)
    of_nodes = (_of_node(node, called[node.id], found.versions) for node in found.nodes)
    return [*(trouble for each in of_nodes for trouble in each), *_of_cluster(found)]


def silent(found: Survey) -> list[Trouble]:
    """The nodes that did not answer."""
    called = names(found.nodes)
    return [trouble for node in found.nodes for trouble in _silence(node, called[node.id])]


def mixed(found: Survey) -> list[Trouble]:
    """The nodes that have other versions than the driver, or another code of the same version."""
    called = names(found.nodes)
    return [trouble for node in found.nodes for trouble in _versions(node, called[node.id], found.versions)]


def names(nodes: Iterable[SeenNode]) -> dict[str, str]:
    """What to call each node, by Ray's id: its host, with more where several are called so."""
    nodes = list(nodes)
    hosts = Counter(node.host for node in nodes)
    addresses = Counter((node.host, node.address) for node in nodes)

    def name(node: SeenNode) -> str:
        if hosts[node.host] == 1:
            return node.host
        unlike = node.address if addresses[node.host, node.address] == 1 else node.id[:8]
        return f"{node.host} ({unlike})"

    return {node.id: name(node) for node in nodes}


def differing(theirs: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    """The packages of which a node has another version than the driver; ``code`` only where it is of the same one."""
    other = [name for name in ours if name != "code" and _told(name, theirs) != _told(name, ours)]
    return other or [name for name in ("code",) if theirs.get(name) != ours.get(name)]


def _told(name: str, versions: Mapping[str, str]) -> str | None:
    """A version as far as it matters: Ray itself compares the rest of Python's, unless it was told not to."""
    version = versions.get(name)
    return version.rpartition(".")[0] if version and name == "python" else version


def _of_node(node: SeenNode, name: str, versions: Mapping[str, str]) -> Iterator[Trouble]:
    yield from _silence(node, name)
    yield from _versions(node, name, versions)
    if node.facts:
        yield from _gpus(node, node.facts, name)
        yield from _storage(node, node.facts, name)
        for missing in node.facts.missing:
            remedy = "bring it there, to the same place on every node (`file_mounts` of the cluster file does)"
            yield Trouble(where=name, wrong=f"{missing} is not there", remedy=remedy)
    if node.clock_s is not None and abs(node.clock_s) - node.clock_error_s > CLOCK_S:
        ahead = f"{abs(node.clock_s):.1f} s {'ahead of' if node.clock_s > 0 else 'behind'} the driver's"
        wrong = f"its clock is {ahead}: times of logs and leases lie, and storage refuses what is signed with it"
        yield Trouble(where=name, wrong=wrong, remedy="let the hosts keep time by NTP: chrony, or systemd-timesyncd")


def _silence(node: SeenNode, name: str) -> Iterator[Trouble]:
    if node.fault:
        remedy = "look at Ray's logs there (/tmp/ray/session_latest/logs); is the host overloaded, or going away?"
        yield Trouble(where=name, wrong=node.fault, remedy=remedy)


def _versions(node: SeenNode, name: str, versions: Mapping[str, str]) -> Iterator[Trouble]:
    if node.versions is None or not (packages := differing(node.versions, versions)):
        return
    theirs, ours = ([each.get(package, NONE) for package in packages] for each in (node.versions, versions))
    if packages == ["code"]:
        wrong = f"Tunehound {versions['tunehound']} is there, but not the driver's code ({theirs[0]}, not {ours[0]})"
    else:
        named = [f"{package} {version}" for package, version in zip(packages, theirs, strict=True)]
        wrong = f"{', '.join(named)}, where the driver has {', '.join(ours)}".replace(f" {NONE}", " not installed")
    remedy = "install the driver's versions there, then start Ray on that host anew (`ray up` does both)"
    yield Trouble(where=name, wrong=wrong, remedy=remedy)


def _gpus(node: SeenNode, facts: Facts, name: str) -> Iterator[Trouble]:
    seen, counted = facts.tensorflow_gpus, node.has.gpus
    if counted > (seen or 0):
        wrong = f"Ray counts {_of_gpus(counted)}, and TensorFlow sees {seen or 'none'}"
        remedy = "install its CUDA libraries there: pip install 'tunehound[gpu]'; `nvidia-smi` must work, too"
        yield Trouble(where=name, wrong=wrong, remedy=remedy)
    elif seen and seen > counted and node.has.cpus:  # a node without CPUs is kept free of trials
        wrong = f"TensorFlow sees {_of_gpus(seen)}, and Ray counts {counted:g}: no trial gets the rest"
        yield Trouble(where=name, wrong=wrong, remedy=f"start Ray there with --num-gpus={seen}")


def _of_gpus(number: float) -> str:
    return f"{number:g} GPU{'' if number == 1 else 's'}"


def _storage(node: SeenNode, facts: Facts, name: str) -> Iterator[Trouble]:
    if facts.cache_fault:
        wrong = f"the data cache {facts.cache} cannot be written, locked and mapped: {facts.cache_fault}"
        remedy = "name a folder on a disk of that host: TUNEHOUND_CACHE, in the environment of `ray start`"
        yield Trouble(where=name, wrong=wrong, remedy=remedy)
    for folder, free in _scarce(facts.free_bytes).items():
        wrong = f"the disk of {folder} has {free / 1e9:.1f} GB free, less than {FREE_BYTES / 1e9:.0f} GB"
        remedy = "make room, or name others: TUNEHOUND_CACHE for decoded data, `ray start --temp-dir` for Ray's own"
        yield Trouble(where=name, wrong=wrong, remedy=remedy)
    wanted = node.object_store_bytes
    if facts.shm_bytes is not None and facts.shm_bytes < wanted:
        wrong = (
            f"shared memory has {facts.shm_bytes / 1e9:.1f} GB, and Ray wants {wanted / 1e9:.1f} GB: a disk stands in"
        )
        remedy = "enlarge /dev/shm (docker: --shm-size; else: mount -o remount,size=…), then start Ray there anew"
        yield Trouble(where=name, wrong=wrong, remedy=remedy)


def _scarce(free_bytes: Mapping[str, int]) -> dict[str, int]:
    """The folders on disks that are nearly full; of two with the same room, which share a disk, the first."""
    first: dict[int, str] = {}
    for folder, free in free_bytes.items():
        first.setdefault(free // 10**7, folder)
    return {folder: free_bytes[folder] for folder in first.values() if free_bytes[folder] < FREE_BYTES}


def _of_cluster(found: Survey) -> Iterator[Trouble]:
    """Who else may use the cluster. The head tells what Ray asks of them."""
    heads = [node.facts for node in found.nodes if node.head and node.facts]
    token = all(facts.token for facts in heads)
    if heads and not token and len({node.address for node in found.nodes}) > 1:
        wrong = "token authentication is off: whoever reaches a port of Ray's runs what they like on every node"
        remedy = "`ray get-auth-token --generate`, bring ~/.ray/auth_token to every node, RAY_AUTH_MODE=token, restart"
        yield Trouble(where=CLUSTER, wrong=wrong, remedy=remedy)
    # KubeRay talks to the dashboard from another pod.
    excused = token and any(facts.kubernetes for facts in heads)
    if found.dashboard and not loopback(found.dashboard) and heads and not excused:
        wrong = f"the dashboard listens on {found.dashboard}, which other machines reach; it can run programs"
        remedy = "start the head with --dashboard-host=127.0.0.1, and look at it by `ray dashboard CLUSTER.yaml`"
        yield Trouble(where=CLUSTER, wrong=wrong, remedy=remedy)


def loopback(place: str) -> bool:
    """Whether HOST:PORT is reached from its own machine alone."""
    host = urlsplit(f"//{place}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
