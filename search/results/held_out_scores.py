"""What retraining left in a run, read with care: the run may be a stranger's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = "retrained"
METRICS_BYTES = 1_000_000


def read(directory: Path, name: str, *, limit: int) -> bytes | None:
    """A file of the folder in the run at ``directory``, a resolved path; None where it is not there, leads elsewhere,
    or has more than ``limit`` bytes."""
    folder = directory / FOLDER
    try:
        file = folder / name
        if file.resolve() != file or not file.is_relative_to(folder) or not file.is_file():
            return None
        return file.read_bytes() if file.stat().st_size <= limit else None
    except (OSError, ValueError):  # a name that is none
        return None


def raw_metrics(directory: Path) -> dict[str, Any]:
    """metrics.json as it is; empty where there is none that can be read."""
    text = read(directory, "metrics.json", limit=METRICS_BYTES)
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def metrics(directory: Path) -> dict[str, float]:
    """The test scores by name: of one seed, or their means."""
    found = raw_metrics(directory)
    means = found.get("mean") if isinstance(found.get("mean"), dict) else {}
    return {name: float(value) for name, value in {**found, **(means or {})}.items() if isinstance(value, float)}
