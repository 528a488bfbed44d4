"""What a cluster is like, asked by a process of its own: Ray ends its process where a cluster does not answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pydantic import TypeAdapter

from clusters.connection.address import ClusterChoice
from clusters.health.survey import SURVEY, WISH, Survey, Wish
from clusters.nodes import listens

QUICK_S, EXAMINE_S = 90.0, 210.0
"""How long a cluster may take to be heard and to answer: the versions alone, or everything."""
CHOICE = TypeAdapter(ClusterChoice)
"""To and from JSON."""


class NoAnswerError(ValueError):
    """The cluster could not be asked; the message says why."""


def survey(cluster: ClusterChoice, wish: Wish) -> Survey:
    """Asks the cluster that was chosen, of which this machine is a node, from another process.

    Raises:
        NoAnswerError: it did not answer, or not in time.
    """
    if not listens(cluster.address):
        raise NoAnswerError("nothing listens there")
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    environment = {**os.environ, "PYTHONPATH": path, "RAY_ADDRESS": cluster.address}
    limit_s = EXAMINE_S if wish.examine else QUICK_S
    asking = [CHOICE.dump_json(cluster).decode(), WISH.dump_json(wish).decode()]
    command = [sys.executable, "-P", "-m", "clusters.health.check", *asking]
    try:
        asked = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s
        )
        return SURVEY.validate_json(asked.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired as error:
        raise NoAnswerError(f"there was no answer within {limit_s:.0f} s") from error
    except (IndexError, ValueError) as error:
        lines = [line for line in asked.stderr.splitlines() if line.strip()]
        raise NoAnswerError(lines[-1] if lines else f"the asking process ended with {asked.returncode}") from error


def main(cluster: ClusterChoice, wish: Wish) -> None:
    """The other process: prints what it found as JSON."""

    from clusters.connection.session import join
    from clusters.health.collect import look

    context = join(cluster, logging_level="ERROR")
    print(SURVEY.dump_json(look(wish, dashboard=context.address_info.get("webui_url") or "")).decode())


if __name__ == "__main__":
    main(CHOICE.validate_json(sys.argv[1]), WISH.validate_json(sys.argv[2]))
