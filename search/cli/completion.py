"""What a shell offers for RUN and SWEEP when Tab is pressed. Quick: neither a journal nor a sweep file is read.

Folders are not offered: where nothing is, the shell completes file names by itself, and knows that a folder goes on.
"""

from __future__ import annotations

from pathlib import Path

import typer

YAML = (".yaml", ".yml")


def run_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """`latest`, and the runs in the folder that --runs names."""
    runs = Path(str(ctx.params.get("runs") or "runs"))
    names = sorted(path.name for path in runs.iterdir() if is_run(path)) if runs.is_dir() else []
    return [name for name in ["latest", *names] if name.startswith(incomplete)]


def sweep_names(incomplete: str) -> list[str]:
    """The ready sweeps, and the YAML files that begin so."""
    from spaces.file.load import ready_sweeps

    return [*(name for name in ready_sweeps() if name.startswith(incomplete)), *yaml_files(incomplete)]


def runs_and_files(ctx: typer.Context, incomplete: str) -> list[str]:
    """Runs, and the YAML files that begin so."""
    return [*run_names(ctx, incomplete), *yaml_files(incomplete)]


def yaml_files(incomplete: str) -> list[str]:
    """The YAML files whose names begin so; hidden ones only if that is what was begun."""
    typed, slash, start = incomplete.rpartition("/")
    folder = Path(typed + slash)
    names = sorted(path.name for path in folder.iterdir() if path.suffix in YAML) if folder.is_dir() else []
    shown = (name for name in names if start.startswith(".") or not name.startswith("."))
    return [f"{typed}{slash}{name}" for name in shown if name.startswith(start)]


def is_run(folder: Path) -> bool:
    """Whether a folder looks like a run; those that are about to become one have hidden names."""
    return not folder.name.startswith(".") and (folder / "sweep.yaml").is_file()
