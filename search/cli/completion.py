"""Shell completion for RUN and SWEEP. To be fast, it reads neither journals nor sweep files.

It offers no folders: without suggestions the shell completes file names itself, and continues into folders.
"""

from __future__ import annotations

from pathlib import Path

import typer

YAML = (".yaml", ".yml")


def run_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Suggest `latest` and the runs in the folder given by --runs."""
    runs = Path(str(ctx.params.get("runs") or "runs"))
    names = sorted(path.name for path in runs.iterdir() if is_run(path)) if runs.is_dir() else []
    return [name for name in ["latest", *names] if name.startswith(incomplete)]


def sweep_names(incomplete: str) -> list[str]:
    """Suggest ready-made sweeps and YAML files."""
    from spaces.file.load import ready_sweeps

    return [*(name for name in ready_sweeps() if name.startswith(incomplete)), *yaml_files(incomplete)]


def runs_and_files(ctx: typer.Context, incomplete: str) -> list[str]:
    """Suggest runs and YAML files."""
    return [*run_names(ctx, incomplete), *yaml_files(incomplete)]


def yaml_files(incomplete: str) -> list[str]:
    """List the YAML files that start like this; hidden ones only if the name typed so far starts with a dot."""
    typed, slash, start = incomplete.rpartition("/")
    folder = Path(typed + slash)
    names = sorted(path.name for path in folder.iterdir() if path.suffix in YAML) if folder.is_dir() else []
    shown = (name for name in names if start.startswith(".") or not name.startswith("."))
    return [f"{typed}{slash}{name}" for name in shown if name.startswith(start)]


def is_run(folder: Path) -> bool:
    """Whether a folder looks like a run. Folders that are still being created have hidden names."""
    return not folder.name.startswith(".") and (folder / "sweep.yaml").is_file()
