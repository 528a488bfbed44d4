"""Stops Ray on the workers of an on-premises cluster. Run it on the head, before `ray down`.

`ray down` stops the head and leaves the workers running for a minute or more, because it switches no machine off.

    ray submit clusters/onprem.yaml clusters/stop_workers.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CONFIG = Path("~/ray_bootstrap_config.yaml")
"""What `ray up` leaves on the head: JSON, despite its name."""
STOP = "bash --login -i -c 'source ~/.bashrc; ray stop --force' 2> /dev/null"
"""As Ray itself calls it: many a ~/.bashrc sets PATH only in an interactive shell; a login shell does not read it."""
OPTIONS = (
    "BatchMode=yes", "ConnectTimeout=10", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR",
)  # fmt: skip


def main() -> None:
    """Stop all workers at once; exit with 1 if some could not be reached."""
    config = json.loads(CONFIG.expanduser().read_text())
    hosts = config["provider"]["worker_ips"]
    calls = [start_stop(host, config["auth"]) for host in hosts]
    missed = [host for host, call in zip(hosts, calls, strict=True) if call.wait()]
    if missed:
        sys.exit(f"Could not stop Ray on {', '.join(missed)}.")
    print(f"Ray is stopped on {len(hosts)} workers. Next: ray down")


def start_stop(host: str, auth: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start the command that stops Ray on a host."""
    key = str(Path(auth["ssh_private_key"]).expanduser())
    options = [word for option in OPTIONS for word in ("-o", option)]
    command = ["ssh", "-i", key, *options, f"{auth['ssh_user']}@{host}", STOP]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
