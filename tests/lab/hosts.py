"""Hosts on one machine: each with a network address, processes, a name, /tmp, /root, /dev/shm and sshd of its own.

Made from Linux namespaces that live as long as the processes in them: nothing is left where those are gone. All
addresses exist inside these namespaces only. What the hosts do share is read-only: the system, the environment that
runs the tests, and the tree of the repository.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The tree of the repository."""
INIT = Path(__file__).with_name("host-init.sh")
SUBNET = "10.77.0"
ISOLATED = ("setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--fork", "--kill-child")
"""Begins a command with a network of its own, which ends when this process does."""
OWN = ("--mount", "--uts", "--ipc", "--pid")
"""What else a host has for itself."""
SSHD = """
Port 22
ListenAddress {address}
HostKey /mnt/etc/host_key
PidFile none
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UseDNS no
AuthorizedKeysFile /root/.ssh/authorized_keys
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp
"""
BASHRC = """
export PATH={bin}:/usr/local/bin:/usr/bin:/usr/sbin:/bin PYTHONPATH={root} LANG=C.UTF-8
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 WANDB_MODE=disabled
# A host that is gone is given up after seconds, not after a minute.
export RAY_health_check_initial_delay_ms=1000 RAY_health_check_period_ms=1000 RAY_health_check_timeout_ms=1000
export RAY_health_check_failure_threshold=3 RAY_gcs_rpc_server_reconnect_timeout_s=10
"""


@dataclass
class Host:
    """One host. It exists from its first boot on; its disk outlives its power."""

    name: str
    number: int
    lan: int
    """The process whose network holds the switch."""
    folder: Path
    """Its disk, as seen from outside."""
    seen: dict[Path, Path] = field(default_factory=dict)
    """What it sees, read-only, and where that really lies."""
    init: int = 0
    """Its first process, as seen from outside."""

    @property
    def address(self) -> str:
        """In the network of the hosts."""
        return f"{SUBNET}.{self.number}"

    @property
    def home(self) -> Path:
        """Of root, as seen from outside."""
        return self.folder / "root"

    def boot(self) -> None:
        """Switches it on; returns when it can be reached."""
        binds = [f"{path}={source}" for path, source in self.seen.items()]
        arguments = [*ISOLATED, *OWN, "--mount-proc", "--", "bash", INIT, self.name, self.folder, *binds]
        with (self.folder / "console").open("a") as console:
            outer = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        self.init = _child(outer)
        switch, port = ("nsenter", "-t", self.lan, "--net", "ip"), f"p-{self.name}"
        card = ("name", "eth0", "address", f"02:00:00:00:00:{self.number:02x}")  # the same after every boot
        _do(*switch, "link", "add", port, "type", "veth", "peer", *card, "netns", self.init)
        _do(*switch, "link", "set", port, "master", "br0", "up")
        inside = ("nsenter", "-t", self.init, "--net", "ip")
        _do(*inside, "addr", "add", f"{self.address}/24", "dev", "eth0")
        _do(*inside, "link", "set", "lo", "up")
        _do(*inside, "link", "set", "eth0", "up")
        _do(*inside, "route", "add", "default", "via", f"{SUBNET}.254")  # nobody; Ray finds its address by the route
        until(lambda: self.call("test", "-e", "/run/up").returncode == 0, within_s=20)

    def power_off(self) -> None:
        """Takes its power: every process of it is gone at once."""
        if self.init:
            os.kill(self.init, signal.SIGKILL)
            until(lambda: not Path(f"/proc/{self.init}").exists(), within_s=20)
            self.init = 0

    def cut(self) -> None:
        """Pulls its network cable."""
        _do("nsenter", "-t", self.lan, "--net", "ip", "link", "set", f"p-{self.name}", "down")

    def mend(self) -> None:
        """Plugs its network cable in again."""
        _do("nsenter", "-t", self.lan, "--net", "ip", "link", "set", f"p-{self.name}", "up")

    def call(self, *command: str | Path, within_s: float = 300) -> subprocess.CompletedProcess[str]:
        """Runs a command on it, as root would at a terminal of it; what it said, stderr in stdout."""
        return subprocess.run(
            self._entered(*command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=within_s,
        )

    def start(self, *command: str | Path, said: Path) -> subprocess.Popen[bytes]:
        """Starts a command on it; what it says goes to a file outside."""
        with said.open("wb") as file:
            return subprocess.Popen(
                self._entered(*command), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            )

    def processes(self) -> dict[int, str]:
        """The command lines of what runs on it, by the number that the process has there; its own few left out."""
        lines = self.call("ps", "-eo", "pid=,args=").stdout.splitlines()
        found = {int(line.split()[0]): line.split(maxsplit=1)[1] for line in lines if len(line.split()) > 1}
        own = ("bash " + str(INIT), "sleep 3600", "sshd: /usr/sbin/sshd", "ps -eo", "bash -c cd; source")
        return {number: line for number, line in found.items() if not line.startswith(own)}

    def kill(self, part: str) -> int:
        """``kill -9`` of every process whose command line holds ``part``; how many there were."""
        victims = [str(number) for number, line in self.processes().items() if part in line]
        if victims:
            self.call("kill", "-9", *victims)
        return len(victims)

    def _entered(self, *command: str | Path) -> list[str]:
        entered = ["nsenter", "-t", str(self.init), "--net", *OWN, "--", "env", "-i", "HOME=/root"]
        return [*entered, "bash", "-c", 'cd; source ~/.bashrc; exec "$@"', "bash", *map(str, command)]


@contextmanager
def hosts(folder: Path, *names: str, seen: Mapping[str, Mapping[Path, Path]] | None = None) -> Iterator[list[Host]]:
    """Booted hosts in a network of their own; the first holds the key to all. Nothing of them is left afterwards.

    ``seen`` says of some hosts what they see in the place of something that all share.
    """
    switch = subprocess.Popen([*ISOLATED, "--", "sleep", "infinity"], stdin=subprocess.DEVNULL)
    lan = _child(switch)
    # The environment last: it may lie below the others, where what a host sees instead of them would hide it.
    shared = {path: path for path in (ROOT, Path(sys.base_prefix), Path(sys.prefix))}
    made = [
        Host(name, number, lan, folder / name, shared | dict((seen or {}).get(name, {})))
        for number, name in enumerate(names, start=1)
    ]
    try:
        for link in (("add", "br0", "type", "bridge"), ("set", "br0", "up")):
            _do("nsenter", "-t", lan, "--net", "ip", "link", *link)
        for host in made:
            _furnish(host, made)
            host.boot()
        yield made
    finally:
        namespaces = {network for pid in (lan, *(host.init for host in made)) if (network := _network(pid))}
        for host in made:
            host.power_off()
        os.kill(lan, signal.SIGKILL)
        switch.wait()
        until(lambda: not left_in(namespaces), within_s=20)


def left_in(namespaces: set[str]) -> list[int]:
    """The processes that live in one of these networks."""
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [number for number in numbers if _network(number) in namespaces]


def until(
    condition: Callable[[], object], *, within_s: float, every_s: float = 0.1, said: Callable[[], str] = str
) -> None:
    """Waits for a condition; ``said`` tells, where it never comes true, what there was instead."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited for {within_s:g} s in vain\n{said()}"
        time.sleep(every_s)


def _furnish(host: Host, all_hosts: list[Host]) -> None:
    """Puts onto the disk of a host what one finds after the system's installation, and the keys."""
    for part in ("tmp", "root/.ssh", "etc"):
        (host.folder / part).mkdir(parents=True)
    (host.folder / "tmp").chmod(0o1777)
    etc, ssh = host.folder / "etc", host.home / ".ssh"
    names = "".join(f"{each.address} {each.name}\n" for each in all_hosts)
    (etc / "hosts").write_text(f"127.0.0.1 localhost\n{names}")
    (etc / "resolv.conf").write_text("")
    (etc / "sshd_config").write_text(SSHD.format(address=host.address))
    _do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", etc / "host_key")
    key = all_hosts[0].home / ".ssh" / "id_ed25519"
    if host is all_hosts[0]:
        _do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    (ssh / "authorized_keys").write_text(key.with_suffix(".pub").read_text())
    (host.home / ".bashrc").write_text(BASHRC.format(bin=shlex.quote(f"{sys.prefix}/bin"), root=shlex.quote(str(ROOT))))


def _child(outer: subprocess.Popen[bytes]) -> int:
    """The process that `unshare` forked."""
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    until(lambda: outer.poll() is not None or children.read_text().split(), within_s=20, every_s=0.01)
    return int(children.read_text().split()[0])


def _network(pid: int) -> str:
    """The network that a process lives in; nothing where it does not live."""
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""


def _do(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(map(str, command))}: {done.stderr}"
