"""The test scores that retraining left in a run, read with care: the run may be untrusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from search.run.directory import RETRAINED

METRICS_BYTES = 1_000_000


def read(directory: Path, name: str, *, limit: int) -> bytes | None:
    """Read a file of the folder in the run at ``directory``, a resolved path.

    Return None if it is missing, leads out of the folder, or has more than ``limit`` bytes.
    """
    folder = directory / RETRAINED
    try:
        file = folder / name
        if not file.is_file() or file.resolve() != file or not file.is_relative_to(folder):
            return None  # `is_file` first: `resolve` fails in its own way at a circle of links
        return file.read_bytes() if file.stat().st_size <= limit else None
    except (OSError, ValueError):  # an invalid name
        return None


def raw_metrics(directory: Path) -> dict[str, Any]:
    """Return metrics.json as it is; empty if it cannot be read."""
    text = read(directory, "metrics.json", limit=METRICS_BYTES)
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def metrics(directory: Path) -> dict[str, float]:
    """Return the test scores by name: of one seed, or the means over several."""
    found = raw_metrics(directory)
    means = found.get("mean") if isinstance(found.get("mean"), dict) else {}
    return {name: float(value) for name, value in {**found, **(means or {})}.items() if isinstance(value, float)}
