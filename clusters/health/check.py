"""Surveys a cluster from a separate process, because Ray terminates its process if a cluster does not answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pydantic import TypeAdapter

from clusters.connection.address import ClusterChoice
from clusters.health.survey import SURVEY, SURVEY_REQUEST, Survey, SurveyRequest
from clusters.nodes import is_listening

QUICK_S, EXAMINE_S = 90.0, 210.0
"""Time allowed for connecting to a cluster and its answer: the versions alone, or everything."""
CHOICE = TypeAdapter(ClusterChoice)
"""To and from JSON."""


class NoAnswerError(ValueError):
    """The cluster could not be surveyed; the message says why."""


def survey(cluster: ClusterChoice, request: SurveyRequest) -> Survey:
    """Survey the chosen cluster, of which this machine is a node, from another process.

    Raises:
        NoAnswerError: it did not answer in time, or not at all.
    """
    if not is_listening(cluster.address):
        raise NoAnswerError("nothing is_listening there")
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    environment = {**os.environ, "PYTHONPATH": path, "RAY_ADDRESS": cluster.address}
    limit_s = EXAMINE_S if request.examine else QUICK_S
    arguments = [CHOICE.dump_json(cluster).decode(), SURVEY_REQUEST.dump_json(request).decode()]
    command = [sys.executable, "-P", "-m", "clusters.health.check", *arguments]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s
        )
        return SURVEY.validate_json(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired as error:
        raise NoAnswerError(f"no answer within {limit_s:.0f} s") from error
    except (IndexError, ValueError) as error:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise NoAnswerError(lines[-1] if lines else f"the survey process exited with code {done.returncode}") from error


def main(cluster: ClusterChoice, request: SurveyRequest) -> None:
    """Run in the other process: print the survey as JSON."""

    from clusters.connection.session import join
    from clusters.health.collect import collect

    context = join(cluster, logging_level="ERROR")
    print(SURVEY.dump_json(collect(request, dashboard=context.address_info.get("webui_url") or "")).decode())


if __name__ == "__main__":
    main(CHOICE.validate_json(sys.argv[1]), SURVEY_REQUEST.validate_json(sys.argv[2]))
