"""What the W&B run of the leaderboard shows: the table, the figures, and the best configuration and model as artifacts.

It has parts that are told apart by digests, so that what stands on W&B already is not sent again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import wandb

from search.report.curves import learning_curves
from search.report.hyperparameters import importances, parallel_coordinates
from search.results.export import HEADER, best_config
from search.results.headline import headline
from search.results.leaderboard import leaderboard
from search.run.reader import Run, best_trial
from search.tracking.client import safe
from search.tracking.ledger import parts_told
from search.tracking.saved_report import LAYOUT, can_be_saved, save_report
from spaces.file.document import read_yaml
from spaces.file.write import write_yaml
from spaces.problem import InputError

logger = logging.getLogger(__name__)

RESULTS, MODEL, REPORT = "leaderboard", "model", "report"
"""The parts: the table with figures and the best configuration, what `retrain` made of that, and the saved report."""
BEST_FILE, ALIAS = "best.yaml", "best"
RETRAINED = Path("retrained")
MODEL_FILES = ("model.keras", "preprocessing.json", "metrics.json", "config.yaml", "README.md")
"""What the artifact of the model holds of what `retrain` wrote; enough for `predict`."""
ROWS = 10_000
"""W&B shows no more rows of a table."""


def parts_wanted(run: Run) -> dict[str, str]:
    """The digests of the parts as they should stand on W&B; nothing before a trial has come to something."""
    if best_trial(run) is None:
        return {}
    saved = {REPORT: LAYOUT} if can_be_saved() else {}
    return {RESULTS: _digest_of_results(run), **_digest_of_model(run), **saved}


def parts_untold(run: Run, *, online: bool) -> dict[str, str]:
    """The parts that W&B's server (or, where not ``online``, not even a file) does not have."""
    told = parts_told(run.directory, online=online)
    lacking = {name: digest for name, digest in parts_wanted(run).items() if told.get(name) != digest}
    return lacking if online else {name: digest for name, digest in lacking.items() if name != REPORT}


def named(parts: Iterable[str]) -> list[str]:
    """Parts as people are told of them."""
    return [f"the {part}" for part in parts]


def kept(wandb_run: Any) -> dict[str, str]:
    """The digests of the parts that an open W&B run of a leaderboard shows by its own account."""
    told = wandb_run.summary.get("told") or {}
    return {str(name): str(told[name]) for name in list(told.keys())}


def keep(wandb_run: Any, parts: Mapping[str, str]) -> None:
    """Lets the W&B run say which parts it shows."""
    wandb_run.summary["told"] = dict(parts)


def show(name: str, wandb_run: Any, run: Run, *, timeout_s: float | None) -> None:
    """Writes a part to the W&B run of the leaderboard; online, waits until the server has its artifact.

    Raises:
        Exception: one of W&B's many: the server did not take it.
    """
    with tempfile.TemporaryDirectory() as folder:
        artifact = {RESULTS: _show_results, MODEL: _log_model, REPORT: _save_report}[name](wandb_run, run, Path(folder))
        if artifact is not None and not wandb_run.offline:
            artifact.wait(timeout=timeout_s)
            if name == MODEL:
                _link(wandb_run, artifact, safe(run.name))


def artifact_name(kind: str, run_id: str) -> str:
    """The name of a sweep's artifact: one sequence of versions a sweep."""
    return safe(f"{kind}-{run_id}")


def _show_results(wandb_run: Any, run: Run, folder: Path) -> Any:
    frame = leaderboard(run)
    wandb_run.log({"leaderboard": _table(frame), **_figures(run)}, commit=True)
    wandb_run.summary.update(_summary(run, frame))
    config = _best(run)
    if config is None:
        return None
    write_yaml(folder / BEST_FILE, config, header=HEADER.format(name=BEST_FILE))
    told = {key: config["provenance"][key] for key in ("run", "trial", "metric", "value")}
    artifact = wandb.Artifact(artifact_name("best", str(run.about["id"])), "configuration", metadata=told)
    artifact.add_file(str(folder / BEST_FILE), skip_cache=True)
    return wandb_run.log_artifact(artifact, aliases=[ALIAS])


def _save_report(wandb_run: Any, run: Run, _: Path) -> None:
    save_report(run, entity=wandb_run.entity, project=wandb_run.project)


def _log_model(wandb_run: Any, run: Run, _: Path) -> Any:
    folder = run.directory / RETRAINED
    scores = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    told = {name: value for name, value in scores.items() if isinstance(value, (int, float))}
    artifact = wandb.Artifact(artifact_name("model", str(run.about["id"])), "model", metadata=told)
    for name in _model_files(folder):
        artifact.add_file(str(folder / name), policy="immutable", skip_cache=True)
    if "accuracy" in told:
        wandb_run.summary["test_accuracy"] = told["accuracy"]
    return wandb_run.log_artifact(artifact, aliases=[ALIAS])


def _link(wandb_run: Any, artifact: Any, collection: str) -> None:
    """Makes the model known under the name of its run as well; a server that has no such links has the artifact."""
    try:
        artifact.link(f"{wandb_run.entity}/{wandb_run.project}/{collection}", aliases=[ALIAS])
    except Exception as error:
        logger.warning("W&B did not link the model: %s", error)


def _table(frame: pd.DataFrame) -> Any:
    shown = frame.head(ROWS)
    whole = shown.astype(object).where(shown.notna(), None)
    return wandb.Table(columns=list(whole.columns), data=whole.to_numpy().tolist(), allow_mixed_types=True)


def _figures(run: Run) -> dict[str, Any]:
    drawn = {
        "learning_curves": learning_curves(run),
        "importance": importances(run),
        "parallel_coordinates": parallel_coordinates(run),
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}


def _summary(run: Run, frame: pd.DataFrame) -> dict[str, Any]:
    best = frame.iloc[0]
    told = {
        "trials": len(frame),
        "best_trial": int(best["trial"]),
        f"best_{run.metric}": float(best[run.metric]),
        "mean": float(best["mean"]),
        "sd": float(best["sd"]),
        "seeds": int(best["seeds"]) or math.nan,
    }
    known = {name: value for name, value in told.items() if not math.isnan(value)}
    return {**known, "headline": headline(run)}


def _best(run: Run) -> dict[str, Any] | None:
    try:
        return best_config(run)
    except InputError:  # its history was lost: there is nothing that could be retrained
        return None


def _digest_of_results(run: Run) -> str:
    config = _best(run) or {}
    lasting = {**config, "provenance": {**config.get("provenance", {}), "created": None}}
    told = leaderboard(run).to_csv(index=False) + json.dumps(lasting, sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _digest_of_model(run: Run) -> dict[str, str]:
    folder = run.directory / RETRAINED
    names = _model_files(folder)
    if MODEL_FILES[0] not in names or not _is_of(folder, run):
        return {}
    digest = hashlib.sha256()
    for name in names:
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return {MODEL: digest.hexdigest()[:16]}


def _model_files(folder: Path) -> Collection[str]:
    return [name for name in MODEL_FILES if (folder / name).is_file()]


def _is_of(folder: Path, run: Run) -> bool:
    """Whether a folder holds what was retrained from this very run, and whole."""
    if not all((folder / name).is_file() for name in ("config.yaml", "metrics.json")):
        return False
    try:
        provenance = read_yaml(folder / "config.yaml").get("provenance") or {}
    except InputError:
        return False
    return isinstance(provenance, Mapping) and provenance.get("run_id") == run.about.get("id")
