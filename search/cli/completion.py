"""What a shell offers for RUN and SWEEP when Tab is pressed. Quick: neither a journal nor a sweep file is read.

Where nothing is offered, the shell completes file names by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

YAML = (".yaml", ".yml")


def run_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """`latest`, and the runs in the folder that --runs names."""
    runs = Path(str(ctx.params.get("runs") or "runs"))
    names = sorted(path.name for path in runs.iterdir() if is_run(path)) if runs.is_dir() else []
    return [name for name in ["latest", *names] if name.startswith(incomplete)]


def sweep_names(incomplete: str) -> list[str]:
    """The ready sweeps, and the sweep files and folders that begin so."""
    from spaces.file.load import ready_sweeps

    return [name for name in [*ready_sweeps(), *files(incomplete)] if name.startswith(incomplete)]


def runs_and_files(ctx: typer.Context, incomplete: str) -> list[str]:
    """Runs, and the configuration files and folders that begin so."""
    return [*run_names(ctx, incomplete), *files(incomplete)]


def files(incomplete: str) -> Iterator[str]:
    """The YAML files, and the folders, whose names begin so; hidden ones only if that is what was begun."""
    typed, slash, start = incomplete.rpartition("/")
    folder = Path(typed + slash)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.startswith(start) and (start.startswith(".") or not path.name.startswith(".")):
            if path.is_dir():
                yield f"{typed}{slash}{path.name}/"
            elif path.suffix in YAML:
                yield f"{typed}{slash}{path.name}"


def is_run(folder: Path) -> bool:
    """Whether a folder looks like a run; those that are about to become one have hidden names."""
    return not folder.name.startswith(".") and (folder / "sweep.yaml").is_file()
