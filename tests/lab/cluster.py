"""The cluster of clusters/onprem.yaml on hosts of the lab, used from the desk as a person uses it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.lab.hosts import ROOT, Host, until

FILE = "cluster.yaml"
"""In the desk's home."""
ONPREM = ROOT / "clusters" / "onprem.yaml"
SMALL = "--num-cpus=1 --object-store-memory=100000000"
"""What a host of the lab has, told to Ray: one slot."""
STATUS = ("ray", "status")
TRAINS = "Trainable"
"""In the name of a process that trains."""


@dataclass
class Cluster:
    """A cluster, and where it is reached from."""

    desk: Host
    head: Host
    workers: Sequence[Host]
    dashboard: bool = False
    """Jobs are submitted by way of it; it is a dozen processes, which a small machine does without otherwise."""
    times: dict[str, float] = field(default_factory=dict)
    """Seconds that its parts took."""

    @property
    def told(self) -> str:
        """The times, in a line."""
        return ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.times.items())

    @property
    def nodes(self) -> list[Host]:
        """The hosts that train."""
        return [self.head, *self.workers]

    def run(self, name: str) -> Path:
        """Where the head keeps a run, as seen from outside."""
        return self.head.home / "runs" / name

    def write(self) -> None:
        """Puts the cluster's file onto the desk: the one for hosts of one's own, edited as it says."""
        config = yaml.safe_load(ONPREM.read_text())
        config["provider"] |= {"head_ip": self.head.address, "worker_ips": [host.address for host in self.workers]}
        config["auth"] = {"ssh_user": "root", "ssh_private_key": "~/.ssh/id_ed25519"}
        # The environment and the tree are there already: they are the ones that run the tests.
        config["setup_commands"] = []
        config["file_mounts"] = {"~/.ray/auth_token": "~/.ray/auth_token"}
        for kind in ("head", "worker"):
            commands = config[f"{kind}_start_ray_commands"]
            config[f"{kind}_start_ray_commands"] = [
                each.replace("ray start", f"ray start {SMALL}") for each in commands
            ]
        (self.desk.home / FILE).write_text(yaml.safe_dump(config))

    def up(self, nodes: int | None = None) -> None:
        """`ray up`, until so many nodes are alive, all of them where it is not said.

        On a busy machine it takes more than one: Ray waits for half a minute for what it starts, and then fails.
        """
        wanted, began = nodes or len(self.nodes), time.monotonic()
        self.well("ray", "get-auth-token", "--generate")
        for last in (False, False, True):
            done = self.desk.call("env", "RAY_UP_enable_autoscaler_v2=0", "ray", "up", FILE, "--yes")
            assert done.returncode == 0 or not last, done.stdout
            self.times["ray up"] = time.monotonic() - began
            if done.returncode == 0 and self._joined(wanted, patient=last):
                break
        self.times["all nodes"] = time.monotonic() - began

    def _joined(self, wanted: int, *, patient: bool) -> bool:
        """Whether so many nodes are alive soon. A worker that starts too slowly is given up, and not tried again.

        Raises:
            AssertionError: they are not, and somebody ``patient`` waited.
        """
        try:
            until(lambda: self.alive() == wanted, within_s=90, every_s=1, said=lambda: self.head.call(*STATUS).stdout)
        except AssertionError:
            if patient:
                raise
            return False
        return True

    def alive(self) -> int:
        """How many nodes the head counts as alive."""
        active = self.head.call(*STATUS).stdout.partition("Active:")[2].partition("ending:")[0]
        return sum(int(count) for count in re.findall(r"^ (\d+) \S+$", active, re.MULTILINE))

    def down(self) -> None:
        """Stops the workers, then the head, as the file says."""
        began = time.monotonic()
        self.well("ray", "submit", FILE, ROOT / "clusters" / "stop_workers.py")
        self.well("ray", "down", FILE, "--yes")
        self.times["down"] = time.monotonic() - began

    def well(self, *command: str | Path, within_s: float = 300) -> str:
        """Runs a command on the desk that must not fail; what it said."""
        done = self.desk.call(*command, within_s=within_s)
        assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def start(self, *command: str | Path) -> Started:
        """Starts a command on the desk, and leaves it to itself."""
        said = self.desk.folder / f"said-{time.monotonic_ns()}"
        return Started(self.desk.start(*command, said=said), said, time.monotonic())

    def until_all_train(self, started: Started, *hosts: Host, within_s: float = 180) -> None:
        """Waits until every host (those of the cluster where none are named) has a process that trains."""

        def train() -> bool:
            assert started.process.poll() is None, f"ended too early\n{started.said}"
            return all(trains(host) for host in hosts or self.nodes)

        until(
            train,
            within_s=within_s,
            every_s=0.5,
            said=lambda: f"{started.said}\n{[each.processes() for each in self.nodes]}",
        )


@dataclass(frozen=True)
class Started:
    """A command that runs on the desk."""

    process: subprocess.Popen[bytes]
    file: Path
    began: float

    @property
    def said(self) -> str:
        """What it has printed so far, without the live view."""
        lines = self.file.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if "\x1b" not in line and "epoch" not in line)

    def ended_well(self, *, within_s: float = 300) -> float:
        """Waits for its end, which must be a good one; the seconds it took."""
        try:
            code = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still at work after {within_s:g} s\n{self.said}") from None
        assert code == 0, f"ended with {code}\n{self.said}"
        return time.monotonic() - self.began


def trains(host: Host) -> bool:
    """Whether a process on a host trains."""
    return any(TRAINS in line for line in host.processes().values())


def trained(host: Host) -> bool:
    """Whether a process on a host ever trained, in the newest session of Ray there."""
    logs = host.folder.glob("tmp/ray/session_2*/logs/worker-*.out")
    return any(TRAINS in log.read_text(errors="replace") for log in logs)
