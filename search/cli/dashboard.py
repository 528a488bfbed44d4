"""Serve a run in optuna-dashboard, read-only, during the sweep or afterwards.

optuna-dashboard can rename and delete studies, finish trials and save notes, all by appending to the journal. But the
driver is the journal's only writer: it would not notice such entries and might truncate them, and a deleted study would
be missing at the next resume. So only read requests are accepted, and the journal is opened by a backend that cannot
write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Annotated, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import typer

from search.cli.options import RUNS, RunArgument, Runs
from search.console.terminal import print_text
from spaces.problem import InputError, Problem

HOST = "127.0.0.1"
"""Reachable from this machine only."""
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application."""


class Server(ThreadingMixIn, WSGIServer):
    """Serves several requests at a time; ends with the process."""

    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    """Does not log requests."""

    def log_message(self, format: str, *args: Any) -> None:
        """Do nothing."""


def dashboard(
    run: RunArgument,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 picks a free one.")] = 8080,
    runs: Runs = RUNS,
) -> None:
    """Show a run in optuna-dashboard, read-only, during the sweep or afterwards."""
    from search.find import find_run

    server = serve(find_run(run, runs), port=port)
    print_text(f"http://{HOST}:{server.server_port}/dashboard/   (Ctrl-C to stop)")
    server.serve_forever()


def serve(directory: Path, *, port: int) -> Server:
    """Return a server for the run in ``directory``; start it with `serve_forever`.

    Raises:
        InputError: optuna-dashboard is not installed, or the journal is damaged in the middle.
        OSError: the port is taken.
    """
    try:
        from optuna_dashboard import wsgi
    except ImportError as error:
        rule, remedy = "optuna-dashboard must be installed", "pip install 'tunehound[dashboard]'"
        raise InputError([Problem(rule=rule, remedy=remedy)], "tunehound dashboard") from error
    from search.run.reader import stored

    app = read_only(wsgi(stored(directory)))
    return make_server(HOST, port, app, server_class=Server, handler_class=QuietHandler)


def read_only(app: WsgiApp) -> WsgiApp:
    """Wrap an application so that it only accepts read requests."""

    def respond(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return app(environ, start)
        start("403 Forbidden", [("Content-Type", "application/json")])
        return [b'{"reason": "This view is read-only: a run is changed by its driver alone."}']

    return respond
