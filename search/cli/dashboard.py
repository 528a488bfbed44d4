"""optuna-dashboard on a run, while it runs or after: for looking only.

optuna-dashboard can rename and delete studies, tell trials and keep notes. All of that is appended to the journal, of
which the driver is the only writer: it would not see the entries, might cut them off, and a deleted study would be gone
at the next resume. So every request that is not a plain reading one is refused, and the journal is opened by a backend
that cannot write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Annotated, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import typer

from search.cli.options import RUNS, RunArgument, Runs
from search.terminal import say
from spaces.problem import InputError, Problem

HOST = "127.0.0.1"
"""Nobody but this machine's users is served."""
Answer = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application."""


class Server(ThreadingMixIn, WSGIServer):
    """Answers several requests at a time; ends with the process."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Says nothing about requests."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def dashboard(
    run: RunArgument,
    port: Annotated[int, typer.Option(min=0, max=65535, help="On this machine; 0 takes a free one.")] = 8080,
    runs: Runs = RUNS,
) -> None:
    """Show a run in optuna-dashboard, while it runs or after; changes nothing."""
    from search.find import find_run

    server = serve(find_run(run, runs), port=port)
    say(f"http://{HOST}:{server.server_port}/dashboard/   Ctrl-C ends it.")
    server.serve_forever()


def serve(directory: Path, *, port: int) -> Server:
    """A server for the run in ``directory``, to be started by `serve_forever`.

    Raises:
        InputError: optuna-dashboard is not installed, or the journal is damaged in its middle.
        OSError: the port is taken.
    """
    try:
        from optuna_dashboard import wsgi
    except ImportError as error:
        rule, remedy = "optuna-dashboard must be installed", "pip install 'tunehound[dashboard]'"
        raise InputError([Problem(rule=rule, remedy=remedy)], "tunehound dashboard") from error
    from search.run.reader import stored

    answer = reading_only(wsgi(stored(directory)))
    return make_server(HOST, port, answer, server_class=Server, handler_class=Quiet)


def reading_only(answer: Answer) -> Answer:
    """The application without what changes anything."""

    def refuse(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return answer(environ, start)
        start("403 Forbidden", [("Content-Type", "application/json")])
        return [b'{"reason": "A run is only looked at here: its driver alone writes to its journal."}']

    return refuse
