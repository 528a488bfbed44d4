"""Stops Ray on the workers of a cluster of hosts of your own; run on the head, before `ray down`.

`ray down` stops the head, and leaves the workers at work for a minute or more: no machine is switched off.

    ray submit clusters/onprem.yaml clusters/stop_workers.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CONFIG = Path("~/ray_bootstrap_config.yaml")
"""What `ray up` leaves on the head: JSON, whatever its name says."""
STOP = "bash --login -i -c 'source ~/.bashrc; ray stop --force' 2> /dev/null"
"""As Ray itself calls it: many a ~/.bashrc sets PATH only in an interactive shell, and a login shell reads none."""
OPTIONS = (
    "BatchMode=yes", "ConnectTimeout=10", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR",
)  # fmt: skip


def main() -> None:
    """Stops all of them at once; exits with 1 where some could not be reached."""
    config = json.loads(CONFIG.expanduser().read_text())
    hosts = config["provider"]["worker_ips"]
    calls = [stopping(host, config["auth"]) for host in hosts]
    missed = [host for host, call in zip(hosts, calls, strict=True) if call.wait()]
    if missed:
        sys.exit(f"Ray could not be stopped on {', '.join(missed)}.")
    print(f"Ray is stopped on {len(hosts)} workers. Now: ray down")


def stopping(host: str, auth: dict[str, str]) -> subprocess.Popen[bytes]:
    """The call that stops Ray on a host."""
    key = str(Path(auth["ssh_private_key"]).expanduser())
    options = [word for option in OPTIONS for word in ("-o", option)]
    command = ["ssh", "-i", key, *options, f"{auth['ssh_user']}@{host}", STOP]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
